{#- Hours in which the prices of a symbol lie far apart, over all venues. -#}
{%- macro scattered_hours() -%}
select
    symbol,
    timeframe,
    hour
from {{ ref('dq_bar_hours') }}
group by symbol, timeframe, hour
having max(is_audited) and max(high) / min(low) > 1 + {{ threshold('venue_deviation_warn') }}
{%- endmacro -%}
