{{
    config(
        materialized='versioned',
        unique_key=['instrument_id', 'valid_from'],
        post_hook="{{ apply_quarantine('instruments') }}",
        meta={'entities': ['instruments']},
    )
}}

{%- set state = ['venue', 'market', 'symbol', 'venue_symbol', 'base', 'quote', 'settle', 'status', 'tick_size',
    'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at'] %}
{%- set numbers = ['venue_symbol', 'tick_size', 'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at'] %}

with observations as ({{ union_leaves('instruments', 'instruments') }}
),

wanted as (
    select distinct instrument_id from {{ ref('universe_series') }}
),

seen as (
    select distinct
        instrument_id,
        cast(ingested_at as DateTime64(3, 'UTC')) as valid_from,
        {{ state | join(', ') }},
        source,
        ingested_at,
        1 as is_new
    from observations
    where problem = '' and instrument_id in (select instrument_id from wanted)
),

known as (
    select
        instrument_id,
        valid_from,
        {{ state | join(', ') }},
        source,
        ingested_at,
        0 as is_new
    from {{ this }} final
    where valid_to_version = 4294967295
),

either as (
    select * from seen
    union all
    select * from known
),

-- A complete listing that names everything, and not an instrument that we know, says that the instrument is gone.
listings as (
    select
        venue,
        market,
        source,
        ingested_at,
        groupUniqArray(instrument_id) as listed
    from observations
    where is_full_listing and {{ of_a_whole_listing() }}
    group by venue, market, source, ingested_at
),

vanished as (
    select
        either.instrument_id as instrument_id,
        cast(listings.ingested_at as DateTime64(3, 'UTC')) as valid_from,
        -- A tuple, because argMax passes over a NULL.
        argMax(
            tuple(
                {%- for name in state %}
                either.{{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            ),
            either.valid_from
        ) as last_state,
        {%- for name in state %}
        {% if name == 'status' %}'delisted'{% else %}last_state.{{ loop.index }}{% endif %} as {{ name }},
        {%- endfor %}
        listings.source as source,
        listings.ingested_at as ingested_at,
        1 as is_new
    from listings
    inner join either on listings.venue = either.venue and listings.market = either.market
    where either.valid_from < listings.ingested_at and not has(listings.listed, either.instrument_id)
    group by either.instrument_id, listings.source, listings.ingested_at
),

history as (
    select * from either
    union all
    select * except (last_state) from vanished
),

compared as (
    select
        *,
        sipHash128(tuple({{ state | join(', ') }})) as state_hash,
        lagInFrame(toNullable(state_hash)) over (
            partition by instrument_id order by valid_from, is_new rows between unbounded preceding and current row
        ) as previous_hash
    from history
)

select
    instrument_id,
    valid_from,
    {%- for name in state %}
    {{ name if name in numbers else 'toLowCardinality(' ~ name ~ ')' }} as {{ name }},
    {%- endfor %}
    source,
    ingested_at,
    {{ version_columns() }}
from compared
where is_new = 1 and (isNull(previous_hash) or state_hash != previous_hash)
