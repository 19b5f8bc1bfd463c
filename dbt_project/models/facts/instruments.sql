{{
    config(
        materialized='versioned',
        unique_key=['instrument_id', 'valid_from'],
        post_hook="{{ apply_quarantine('instruments') }}",
        meta={'entities': ['instruments']},
    )
}}
{#- The build records conflicting rows there before it adds the others. #}
{%- set waits_for = ref('dq_conflicting_rows') %}

{%- set state = ['venue', 'market', 'symbol', 'venue_symbol', 'base', 'quote', 'settle', 'status', 'tick_size',
    'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at'] %}
{%- set numbers = ['venue_symbol', 'tick_size', 'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at'] %}

with observations as ({{ union_leaves('instruments', 'instruments') }}
),

wanted as (
    select distinct instrument_id from {{ ref('universe_series') }}
),

-- The symbols that bars and payments are fetched by.
fetched_by as (
    select distinct
        concat(venue, ':', market, ':', symbol) as instrument_id,
        venue_symbol
    from merge('raw', '__.*(klines|candles|funding)$')
    where position(_table, '__live_') = 0
),

-- Several rows of one listing may have the same base and quote, such as a contract and the settled one that it
-- replaced: the traded one is used, otherwise the one that bars are fetched by.
ranked as (
    select distinct
        instrument_id,
        {{ state | join(', ') }},
        source,
        ingested_at,
        (instrument_id, venue_symbol) in (select instrument_id, venue_symbol from fetched_by) as is_fetched,
        tuple(status = 'trading', is_fetched) as listing_rank,
        max(listing_rank) over (partition by instrument_id, source, ingested_at) as best_rank
    from observations
    where problem = '' and instrument_id in (select instrument_id from wanted)
),

-- If several remain, none is used: as candidates with the same key, lane and fetch time they are set aside as
-- conflicting.
listed as (
    select
        instrument_id,
        cast(ingested_at as DateTime64(3, 'UTC')) as valid_from,
        {{ state | join(', ') }},
        source,
        ingested_at,
        1 as is_new,
        count() over (partition by instrument_id, source, ingested_at) > 1 as is_contradicted
    from ranked
    where listing_rank = best_rank
),

seen as (
    select * except (is_contradicted)
    from listed
    where not is_contradicted
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

-- A known instrument that is missing from a complete listing is delisted. A row that cannot be used still identifies
-- its instrument: by the symbol, if base or quote is missing. A row without any of them may be any instrument, so its
-- listing does not prove absence.
listings as (
    select
        venue,
        market,
        source,
        ingested_at,
        groupUniqArray(instrument_id) as listed,
        groupUniqArrayIf(venue_symbol, problem != '') as withheld
    from observations
    where is_full_listing and {{ is_complete_listing() }}
    group by venue, market, source, ingested_at
    having countIf(venue_symbol = '' and (base = '' or quote = '')) = 0
),

vanished as (
    select
        either.instrument_id as instrument_id,
        cast(listings.ingested_at as DateTime64(3, 'UTC')) as valid_from,
        -- A tuple, because argMax skips NULL.
        argMax(
            tuple(
                {%- for name in state %}
                either.{{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            ),
            -- Of one state, the row parsed by this build: a column added since may be NULL in the stored one.
            (either.valid_from, either.is_new)
        ) as last_state,
        {%- for name in state %}
        {% if name == 'status' %}'delisted'{% else %}last_state.{{ loop.index }}{% endif %} as {{ name }},
        {%- endfor %}
        listings.source as source,
        listings.ingested_at as ingested_at,
        1 as is_new
    from listings
    inner join either on listings.venue = either.venue and listings.market = either.market
    where
        either.valid_from < listings.ingested_at
        and not has(listings.listed, either.instrument_id) and not has(listings.withheld, either.venue_symbol)
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
),

states as (
    select * except (state_hash, previous_hash)
    from compared
    where is_new = 1 and (isNull(previous_hash) or state_hash != previous_hash)
    union all
    select * except (is_contradicted)
    from listed
    where is_contradicted
)

select
    instrument_id,
    valid_from,
    {%- for name in state %}
    {% if name in numbers %}{{ name }}{% else %}toLowCardinality({{ name }}){% endif %} as {{ name }},
    {%- endfor %}
    source,
    ingested_at,
    {{ version_columns() }}
from states
