-- A snapshot says how the rows behind its manifest are hashed, so that later software can recompute it although columns,
-- types or the hash have changed since (docs/upgrades.md). For snapshots published before, `mdw migrate` finds it out.
alter table marts.snapshots ${ON_CLUSTER}
    add column if not exists rules UInt16 default 0 comment 'version of the rules that derive columns of the views; 0: before they were numbered',
    add column if not exists row_hash String default '' comment 'function that hashes the rows of the manifest',
    add column if not exists hashed_columns Map(String, Array(Tuple(String, String))) comment 'columns (name, type) that row_hash covers, in order, by dataset',
    add constraint if not exists this_code_is_older_than_the_data check row_hash != '';
