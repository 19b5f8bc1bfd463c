-- Exports of snapshots to Apache Iceberg: one row an export, written after all its tables are committed.
create table if not exists ops.iceberg_exports ${ON_CLUSTER}
(
    snapshot_id String,
    data_version UInt32,
    target String comment 'folder or s3:// address that holds the tables',
    catalog LowCardinality(String) comment 'kind of Iceberg catalog: sql, glue or rest',
    namespace String comment 'Iceberg namespace of the tables',
    iceberg_snapshot_ids Map(String, Int64) comment 'Iceberg''s own snapshot id by dataset, for the setting iceberg_snapshot_id',
    metadata_locations Map(String, String) comment 'metadata file by dataset that holds that snapshot',
    row_counts Map(String, UInt64) comment 'rows of the snapshot by dataset',
    rows_written UInt64 comment 'rows in data files that this export wrote; the rest was there',
    files_written UInt32,
    exported_at DateTime64(3, 'UTC') default now64(3, 'UTC')
)
engine = ${MERGE_TREE}
order by (snapshot_id, target, exported_at);
