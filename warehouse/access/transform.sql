-- Runs dbt: reads raw, owns everything after it.
grant select on raw.* to mdw_transform;
grant all on staging.* to mdw_transform;
grant all on marts.* to mdw_transform;
grant all on snaps.* to mdw_transform;
grant select, insert on ops.* to mdw_transform;
grant create database on *.* to mdw_transform;
grant all on elementary.* to mdw_transform;
grant select on system.* to mdw_transform;
grant select on information_schema.* to mdw_transform;
grant table engine on * to mdw_transform;
grant select on INFORMATION_SCHEMA.* to mdw_transform;
