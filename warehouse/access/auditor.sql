-- Reads everything, changes nothing.
grant select on raw.* to mdw_auditor;
grant select on staging.* to mdw_auditor;
grant select on marts.* to mdw_auditor;
grant select on snaps.* to mdw_auditor;
grant select on ops.* to mdw_auditor;
grant select on elementary.* to mdw_auditor;
grant select on system.* to mdw_auditor;
grant select on information_schema.* to mdw_auditor;
grant select on INFORMATION_SCHEMA.* to mdw_auditor;
