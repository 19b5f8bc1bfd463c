-- Runs dbt: reads raw, creates and fills all later tables and views. May not drop databases.
grant select on raw.* to mdw_transform;
grant create database, select, insert, alter table, create table, create view, drop table, drop view, truncate, optimize on staging.* to mdw_transform;
grant create database, select, insert, alter table, create table, create view, drop table, drop view, truncate, optimize on marts.* to mdw_transform;
grant create database, select, insert, alter table, create table, create view, drop table, drop view, truncate, optimize on snaps.* to mdw_transform;
grant create database, select, insert, alter table, create table, create view, drop table, drop view, truncate, optimize on elementary.* to mdw_transform;
grant select, insert on ops.* to mdw_transform;
grant select on system.* to mdw_transform;
grant select on information_schema.* to mdw_transform;
grant select on INFORMATION_SCHEMA.* to mdw_transform;
grant table engine on MergeTree to mdw_transform;
grant table engine on ReplacingMergeTree to mdw_transform;
grant table engine on ReplicatedMergeTree to mdw_transform;
grant table engine on ReplicatedReplacingMergeTree to mdw_transform;
-- Reads the member views of all snapshots as one table.
grant table engine on Merge to mdw_transform;
-- dbt's unit tests store their rows in tables of this engine.
grant table engine on Memory to mdw_transform;
