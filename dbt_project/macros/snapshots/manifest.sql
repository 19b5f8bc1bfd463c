{#- Rows and content hash of each (instrument, timeframe, month) that changed since the last publication. The hash of a
    group is the sum (mod 2^128) of its rows' hashes, so order does not matter and only changes have to be hashed.
    `hash`: SQL of a row's hash, by default the next snapshot's. `is_whole`: every group of the mart with all rows of
    the build, to start over if the hash differs from that of the last publication. -#}
{%- macro manifest_delta(dataset, hash=none, is_whole=false) -%}
    {%- set info = datasets()[dataset] -%}
    {%- set last = 0 if is_whole else last_published_version() -%}
    {%- set now = build_version() -%}
    {%- set mart = ref(info.mart) -%}
select
    '{{ dataset }}' as dataset,
    cast({{ info.instrument }} as String) as instrument_id,
    cast({{ info.timeframe }} as String) as timeframe,
    toStartOfMonth(toDate({{ info.time }})) as month,
    toInt64(countIf(is_added)) - toInt64(countIf(is_removed)) as row_delta,
    sumIf(row_hash, is_added) as added_hash,
    sumIf(row_hash, is_removed) as removed_hash
from (
    select
        *,
        valid_from_version > {{ last }} and valid_to_version > {{ now }} as is_added,
        valid_from_version <= {{ last }} and valid_to_version > {{ last }}
        and valid_to_version <= {{ now }} as is_removed,
        if(is_added or is_removed, {{ hash or row_hash(info.mart) }}, 0) as row_hash
    -- Both copies of a row added since then pass, of an older row only the closed one: that is all FINAL needs.
    from {{ mart }} final
    prewhere {{ changed_in() }} > {{ last }}
)
group by instrument_id, timeframe, month
having max(valid_from_version) > {{ last }} or max(is_removed)
{%- endmacro -%}

{#- Deletes what unpublished builds wrote: they may have hashed differently from the next snapshot, whose manifest is
    the newest row of each group. -#}
{%- macro delete_unpublished_manifest() -%}
    {%- if execute and table_exists(this) -%}
        {%- set unpublished -%}
            select count() from {{ this }} where version > {{ last_published_version() }}
        {%- endset -%}
        {%- if scalar(unpublished) | int -%}
            {%- call statement('delete_unpublished_manifest') -%}
                alter table {{ this }} delete where version > {{ last_published_version() }}
                settings mutations_sync = 1
            {%- endcall -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro -%}
