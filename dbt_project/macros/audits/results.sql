{#- The findings of the audits that look into hours of bars. -#}
{%- macro findings_of_bars() -%}
    {%- set leaves = leaves_of_waiting_pages('bars', 'bars') -%}
    {{ queries_of([
        find_broken_bars(), find_double_bars(), find_strange_series(), find_hours_unlike_minutes(), find_lonely_prices(),
        find_return_outliers(), find_flat_runs(), find_jumps_within_days(),
    ] + ([find_inexact_prices(leaves)] if leaves else [])) }}
{%- endmacro -%}

{#- The findings of the audits of bars that are not there, and of identity: they need dq_series_days, for which no other audit
    waits. -#}
{%- macro findings_of_missing() -%}
    {{ queries_of([
        find_missing_bars(), find_stale_bars(), find_jumps_across_days(), find_bars_before_listing(), find_funding_before_listing(),
        find_funding_without_bars(),
    ]) }}
{%- endmacro -%}

{#- The findings of all other audits. -#}
{%- macro findings_of_others() -%}
    {{ queries_of([
        find_broken_funding(), find_uneven_funding(), find_interval_changes(), find_stale_funding(),
        find_broken_instruments(), find_insane_steps(), find_absent_instruments(), find_instrument_changes(),
        find_broken_fear_greed(), find_missing_fear_greed(), find_stale_fear_greed(),
        find_doubles('funding_rates', 'funding_one_open_row', 'funding_time', ['instrument_id', 'funding_time']),
        find_doubles('instruments', 'instruments_one_open_row', 'valid_from', ['instrument_id', 'valid_from']),
        find_doubles('fear_greed', 'fear_greed_one_open_row', "toDateTime64(date, 3, 'UTC')", ['date']),
        find_unreadable_instruments(), find_unreadable_values(), find_manifest_differences(), find_live_differences(),
    ] + ([find_lane_differences()] if has_lane_differences() else []),
        of_any_dataset=[find_unresolved_rejects(), find_partial_listings()] + ([find_conflicts()] if has_conflicts() else [])) }}
{%- endmacro -%}

{#- Findings in one shape, a query a family: see the materialization `work_table`. Those of families `of_any_dataset` name their
    dataset, the others have that of their audit. -#}
{%- macro queries_of(families, of_any_dataset=[]) -%}
    {%- for family in families + of_any_dataset %}
    {%- if not loop.first %}
{{ next_query() }}
    {%- endif %}
select
    {{ finding_columns(dataset='dataset' if family in of_any_dataset else "''") }}
from ({{ family }})
    {%- endfor %}
{%- endmacro -%}

{%- macro finding_columns(dataset) -%}
    cast(audit as String) as audit,
    cast(severity as String) as severity,
    cast(instrument_id as String) as instrument_id,
    cast(timeframe as String) as timeframe,
    cast(range_start as Nullable(DateTime64(3, 'UTC'))) as range_start,
    cast(range_end as Nullable(DateTime64(3, 'UTC'))) as range_end,
    cast(rows as UInt64) as rows,
    cast(worst as Nullable(Float64)) as worst,
    cast(detail as String) as detail,
    cast(rows_sql as String) as rows_sql,
    cast({{ dataset }} as String) as dataset
{%- endmacro -%}

{#- Catalog of audits as rows: audit, dataset. -#}
{%- macro audit_catalog() -%}
    {%- set pairs = [] -%}
    {%- for name, declared in audits().items() -%}
        {%- do pairs.append("('" ~ name ~ "', '" ~ declared[0] ~ "')") -%}
    {%- endfor -%}
    select (arrayJoin([{{ pairs | join(', ') }}]) as pair).1 as audit, pair.2 as dataset
{%- endmacro -%}

{#- Says the errors of this run in dbt's own output: the audit, the series, the range, what to read. -#}
{%- macro say_errors(relation) -%}
    {%- if execute -%}
        {%- set rows = run_query(
            "select audit, instrument_id, timeframe, toString(range_start), toString(range_end), detail, runbook from " ~ relation
            ~ " where run = " ~ build_version() ~ " and severity = 'error' order by rows desc limit 50").rows -%}
        {%- for row in rows -%}
            {%- do log('audit ' ~ row[0] ~ ': ' ~ ([row[1], row[2]] | select | join(' ')) ~ ' [' ~ row[3] ~ ', ' ~ row[4] ~ ') '
                ~ row[5] ~ ' (' ~ row[6] ~ ')', info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
