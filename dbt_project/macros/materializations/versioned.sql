{#- Versioned fact table from which nothing is deleted: every row records the build from which it is valid
    (valid_from_version) and the build that superseded it (valid_to_version, exclusive). A revision adds the new row and
    a closed copy of the old one; the engine (ReplacingMergeTree(closed)) keeps the copy. Readers use FINAL and a
    cutoff: see published_rows. The model's SQL produces candidates: all columns of the contract, version_columns()
    last. Every step may be interrupted and repeated: rows of a build that died stay unpublished, and the next build
    repairs them and continues. Config: unique_key (list), partition_by (an expression over key columns with integer
    values, or ''), meta.entities, meta.provenance (columns that are not values: a row that differs only in these is
    unchanged) and meta.jitters (columns in which rows of one lane and fetch may differ without being a conflict). -#}
{%- materialization versioned, adapter='clickhouse' -%}
    {%- set version = build_version() -%}
    {%- set entities = config.get('meta', {}).get('entities', []) -%}
    {%- set candidates = this.incorporate(path={'schema': 'staging', 'identifier': this.identifier
        ~ '__candidates'}) -%}
    {%- set changes = this.incorporate(path={'schema': 'staging', 'identifier': this.identifier ~ '__changes'}) -%}
    {%- if version == 0 -%}
        {%- do exceptions.raise_compiler_error(this.identifier
            ~ ' can only be built as part of a build: use `dbt build` or `dbt run`.') -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}
    {%- do record_build_state('running') -%}
    {%- set lost = lost_rows_to_recover(this.identifier) -%}
    {%- do create_versioned_table(this) -%}
    {%- do record_step('begun') -%}
    {%- do repair_open_rows(this) -%}
    {%- do select_pages(this.identifier, entities, again=lost | length > 0) -%}
    {%- do select_overlaps(this.identifier) if config.get('meta', {}).get('overlaps') -%}
    {%- do create_work_table(this, candidates) -%}
    {%- if has_pages_to_read() -%}
        {{ get_assert_columns_equivalent(sql) }}
        {%- do stage_candidates(candidates, sql) -%}
    {%- endif -%}
    {%- set partitions = candidate_partitions(candidates, this) -%}
    {%- do set_aside_conflicts(candidates, partitions) -%}
    {%- do create_work_table(this, changes) if partitions | selectattr('is_held') | list -%}
    {%- set untouched = partitions | rejectattr('is_held') | rejectattr('has_duplicates') | list -%}
    {%- do attach_all(this, candidates, untouched) -%}
    {%- for partition in partitions | reject('in', untouched) -%}
        {%- do add_partition(this, candidates, changes, partition, version) -%}
        {%- do record_build_state('running') if loop.index % 50 == 0 -%}
    {%- endfor -%}
    {%- do refuse_unwritten_rows(this, candidates, changes, partitions, version) -%}
    {%- do refuse_unread_pages(this.identifier, entities)
        if not partitions and config.get('meta', {}).get('rows_of_every_page') -%}
    {%- do mark_pages_done(this.identifier) -%}
    {%- for work in [candidates, changes] -%}{%- do drop_work_table(work) -%}{%- endfor -%}
    {%- do merge_changed_partitions(this, partitions) if var('merge_touched_partitions') -%}
    {%- call statement('main', fetch_result=True) -%}
        select count() from {{ this }} where valid_from_version = {{ version }}
    {%- endcall -%}
    {%- do log(this.identifier ~ ': ' ~ load_result('main').table.rows[0][0] ~ ' new or revised rows', info=true) -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {%- do reset_row_counts(lost) -%}
    {%- do record_mart_rows(this, config.get('partition_by', ''), uncounted_rows(this.identifier, lost)) -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}
