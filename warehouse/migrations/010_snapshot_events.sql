-- What was decided about snapshots after their publication; the newest row of a snapshot and kind counts.
-- A dropped id stays here for ever: names are never used again.
create table if not exists ops.snapshot_events ${ON_CLUSTER}
(
    snapshot_id String,
    event LowCardinality(String) comment 'protected, unprotected or dropped',
    data_version UInt32 comment 'what the snapshot showed',
    actor String comment 'who decided it',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC')
)
engine = ${MERGE_TREE}
order by (snapshot_id, recorded_at);
