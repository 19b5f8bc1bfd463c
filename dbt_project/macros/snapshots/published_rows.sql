{#- The columns that readers see, from the mart of a dataset, as of a cutoff (a number or a scalar). The same SQL for
    the member view of a snapshot, for v_*_at and for v_*_latest, so that the three cannot differ. `snapshot_id`: an
    expression, for views that have that column; another view around this one would double the planning time. `rules`:
    those of the snapshot (a number or a scalar). `guard`: an additional condition. -#}
{%- macro published_rows(dataset, cutoff, relation=none, snapshot_id=none, rules=none, guard='') -%}
    {%- set versions -%}
        valid_from_version <= {{ cutoff }} and valid_to_version > {{ cutoff }}{{ guard }}
    {%- endset -%}
    {%- set mart = relation or ref(datasets()[dataset].mart) -%}
    {{ return(context['published_' ~ dataset](mart, pinned_columns(cutoff, snapshot_id), versions, rules=rules)) }}
{%- endmacro -%}

{%- macro pinned_columns(cutoff, snapshot_id) -%}
    {%- if snapshot_id %}toLowCardinality({{ snapshot_id }}) as snapshot_id, {% endif -%}
    toInt64({{ cutoff }}) as data_version
{%- endmacro -%}

{%- macro published_bars(mart, pinned, versions, rules=none) -%}
select
    {{ pinned }},
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    open_time,
    addMilliseconds(open_time, {{ timeframe_ms() }}) as close_time,
    open,
    high,
    low,
    close,
    volume,
    quote_volume,
    toInt64(trade_count) as trade_count,
    source,
    ingested_at
from {{ mart }} final
where {{ versions }}
settings do_not_merge_across_partitions_select_final = 1
{%- endmacro -%}

{#- interval_hours is the period that the payment covers, derived from the neighbouring payments. -#}
{%- macro published_funding(mart, pinned, versions, rules=none) -%}
    {%- set known = current_rules() if rules is none else rules -%}
    {%- set period -%}
        {%- if known is number -%}
            {{ funding_period() if known >= 1 else funding_period_before_rules() }}
        {%- else -%}
            if({{ known }} >= 1, {{ funding_period() }}, {{ funding_period_before_rules() }})
        {%- endif -%}
    {%- endset -%}
select
    {{ pinned }},
    instrument_id,
    venue,
    symbol,
    funding_time,
    funding_time_raw,
    funding_rate,
    cast(intDiv({{ period }}, 60) as Nullable(Int64)) as interval_hours,
    mark_price,
    ingested_at
from ({{ funding_steps(mart, versions) }})
settings do_not_merge_across_partitions_select_final = 1
{%- endmacro -%}

{%- macro published_instruments(mart, pinned, versions, rules=none) -%}
select
    {{ pinned }},
    instrument_id,
    venue,
    market,
    symbol,
    venue_symbol,
    base,
    quote,
    settle,
    status,
    tick_size,
    lot_size,
    {{ in_base_units('lot_size') }} as lot_size_base,
    min_qty,
    {{ in_base_units('min_qty') }} as min_qty_base,
    min_notional,
    contract_size,
    listed_at,
    valid_from,
    nullIf(
        leadInFrame(valid_from) over (
            partition by instrument_id order by valid_from rows between unbounded preceding and unbounded following
        ),
        toDateTime64(0, 3, 'UTC')
    ) as valid_to
from {{ mart }} final
where {{ versions }}
{%- endmacro -%}

{#- A quantity in base units. Multiplied as decimals, because 0.1 × 0.1 in doubles is not 0.01. If quantities are
    contracts of unknown size, the quantity in base units is unknown. -#}
{%- macro in_base_units(amount) -%}
    if(
        market = 'perp' and venue in ({{ contract_venues() }}),
        toFloat64(toDecimal256(toString({{ amount }}), 12) * toDecimal256(toString(contract_size), 12)),
        {{ amount }}
    )
{%- endmacro -%}

{#- The mart stores an unknown classification as '': its column predates the rule that unknown is NULL. -#}
{%- macro published_fear_greed(mart, pinned, versions, rules=none) -%}
    {%- set known = current_rules() if rules is none else rules -%}
    {%- set word -%}
        if({{ known }} >= 2, nullIf(classification, ''), toNullable(classification))
    {%- endset -%}
select
    {{ pinned }},
    date,
    toInt64(value) as value,
    cast({{ word }} as LowCardinality(Nullable(String))) as classification,
    ingested_at
from {{ mart }} final
where {{ versions }}
{%- endmacro -%}
