-- What each build did, step by step: the registry publishes only what audits judged after it last changed.
create table if not exists ops.build_steps ${ON_CLUSTER}
(
    version UInt32 comment 'build that took the step',
    node String comment 'dbt''s unique id of the model or test, or `import of <snapshot_id>`',
    outcome LowCardinality(String) comment 'models: begun (may have changed rows) or done; tests: pass, warn, fail or error; imports: proven',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC') comment 'when it was written, UTC'
)
engine = ${MERGE_TREE}
order by (node, version, recorded_at)
comment 'Steps of builds: models that changed or judged rows, and the tests that blocked or passed them.';

-- Rows that a mart held after a build, by partition: whatever is missing later was lost outside the builds.
create table if not exists ops.mart_rows ${ON_CLUSTER}
(
    mart LowCardinality(String) comment 'versioned model',
    partition String comment 'value of the partition expression; tuple() where the mart has none',
    version UInt32 comment 'build after which the rows were counted',
    open_rows UInt64 comment 'rows that were valid then',
    stored_rows UInt64 comment 'rows stored, superseded ones included',
    parts UInt32 comment 'parts they lay in; with 1, no merge can make stored_rows smaller',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC') comment 'when they were counted, UTC'
)
engine = ${MERGE_TREE}
order by (mart, partition, version, recorded_at)
comment 'Rows of the versioned marts by partition, counted after each build that changed them.';
