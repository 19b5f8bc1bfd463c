{#- Prices that do not match any number in the venue's row digit for digit. Checks unpublished rows: raw never changes,
    and published rows are verified by the manifest. Any decimal of up to 15 digits survives the conversion to double
    and back; one with more may not, which is a warning but not an error. #}
{% set leaves = leaves_of_unpublished_pages('bars', 'bars') %}
{% set key = ['instrument_id', 'timeframe', 'open_time', 'ingested_at'] %}
{% set prices = ['open', 'high', 'low', 'close'] %}

{% if leaves %}
select
    'bars_prices_keep_their_text' as audit,
    if(max(digits) > 15, 'warn', 'error') as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    count() as `rows`,
    toFloat64(max(digits)) as worst,
    concat(toString(count()), ' bars have a price that is not in their page: ', any(raw_row)) as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from (
    select
        {{ key | join(', ') }},
        sent.raw_row as raw_row,
        extractAll(raw_row, '[-+0-9.eE]+') as texts,
        arrayMap(text -> toDecimal128OrNull(text, 18), texts) as numbers,
        arrayMax(arrayMap(
            text -> length(trim(both '0' from replaceOne(text, '.', ''))),
            arrayFilter(text -> position(text, '.') > 0, texts)
        )) as digits
    from (
        select {{ key | join(', ') }}, {{ prices | join(', ') }} from {{ ref('bars') }} final
        where {{ open_rows() }} and valid_from_version > {{ last_published_version() }}
    ) as stored
    inner join (
        select {{ key | reject('equalto', 'open_time') | join(', ') }}, assumeNotNull(open_time) as open_time, raw_row
        from ({{ union_leaves('bars', 'bars', condition=sampled_unpublished_pages('bars'), leaves=leaves) }})
        where
            problem = ''
            {%- if has_conflicts() %}
            and {{ not_in_conflict('bars', 'assumeNotNull(open_time)') }}
            {%- endif %}
    ) as sent using ({{ key | join(', ') }})
    where not (
        {%- for price in prices %}
        {{ 'and ' if not loop.first }}has(numbers, toDecimal128OrNull(toString(stored.{{ price }}), 18))
        {%- endfor %}
    )
)
group by instrument_id, timeframe, toDate(open_time)
{% else %}
{{ no_findings() }}
{% endif %}
