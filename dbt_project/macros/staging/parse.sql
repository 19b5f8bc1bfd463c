{#- Length of a timeframe such as 1m or 1h in milliseconds; 0 for one that we do not know. -#}
{%- macro timeframe_ms(timeframe='timeframe') -%}
    toInt64(transform(toString({{ timeframe }}), ['1m', '5m', '15m', '1h', '4h', '1d'], [60000, 300000, 900000, 3600000, 14400000, 86400000], 0))
{%- endmacro -%}

{#- Decimal text to the nearest double; NULL for text that is no finite number. -#}
{%- macro to_number(text) -%}
    if(isFinite(toFloat64OrNull({{ text }})), toFloat64OrNull({{ text }}), null)
{%- endmacro -%}

{#- Milliseconds since 1970 as text to a UTC time; NULL for text that is no whole number. -#}
{%- macro to_time(text) -%}
    fromUnixTimestamp64Milli(toInt64OrNull({{ text }}), 'UTC')
{%- endmacro -%}

{#- Whether a bar that opens at `open_ms` (text) had ended by the venue's clock when the page was fetched.
    Text that is no number counts as closed, so that the row is rejected by name instead of lost. -#}
{%- macro is_closed(open_ms) -%}
    ifNull(
        toInt64OrNull({{ open_ms }}) + {{ timeframe_ms() }} <= toUnixTimestamp64Milli(ifNull(server_time, fetched_at)),
        true
    )
{%- endmacro -%}

{#- What is wrong with a row, '' where nothing is: `required` must parse, `optional` may be NULL (unknown). The texts are
    made for bad rows only: the branch of an if is computed where its condition holds. -#}
{%- macro first_problem(required, optional=[]) -%}
    if(
        page_problem != ''
        {%- for name in required %} or isNull({{ name }}){% endfor %}
        {%- for name in optional %} or (isNull({{ name }}) and isNotNull({{ name }}_text)){% endfor %},
        multiIf(
            page_problem != '', page_problem,
            {%- for name in required %}
            isNull({{ name }}), concat('{{ name }} is no valid value: ', ifNull(nullIf({{ name }}_text, ''), 'null')),
            {%- endfor %}
            {%- for name in optional %}
            isNull({{ name }}) and isNotNull({{ name }}_text), concat('{{ name }} is no valid value: ', ifNull({{ name }}_text, '')),
            {%- endfor %}
            ''
        ),
        ''
    )
{%- endmacro -%}

{#- Provenance and series of a page, the first columns of every exploded row. -#}
{%- macro page_columns() -%}
    page_id,
    fetched_at as ingested_at,
    lane as source,
    venue,
    market,
    symbol,
    concat(venue, ':', market, ':', symbol) as instrument_id
{%- endmacro -%}
