{#- Coverage of the pages that a mart had processed by a version, as disjoint windows: instrument_id, timeframe,
    island_start, island_end. -#}
{%- macro coverage_islands(dataset, mart, version) -%}
select
    instrument_id,
    timeframe,
    min(window_start) as island_start,
    max(window_end) as island_end
from (
    select
        *,
        sum(begins_island) over (partition by instrument_id, timeframe order by window_start, window_end) as island
    from (
        select
            *,
            window_start > max(window_end) over (
                partition by instrument_id, timeframe order by window_start, window_end
                rows between unbounded preceding and 1 preceding
            ) as begins_island
        from (
            select
                concat(venue, ':', market, ':', symbol) as instrument_id,
                timeframe,
                assumeNotNull(coverage.window_start) as window_start,
                assumeNotNull(coverage.window_end) as window_end
            from {{ source('ops', 'coverage') }} as coverage
            where
                isNotNull(coverage.window_start)
                and isNotNull(coverage.window_end)
                and coverage.window_start < coverage.window_end
                and {{ is_built_page(dataset, mart, version) }}
        )
    )
)
group by instrument_id, timeframe, island
{%- endmacro -%}

{#- Condition on ops.coverage: pages of a dataset whose rows are in the mart as of a version. -#}
{%- macro is_built_page(dataset, mart, version) -%}
dataset = '{{ dataset }}'
and page_id in (
    select built.page_id from {{ source('ops', 'build_pages') }} as built
    where built.mart = '{{ mart }}' and built.done = 1 and built.version <= {{ version }}
)
{%- endmacro -%}
