-- Lands pages: may insert, never change or delete.
grant select, insert, create table, alter add column on raw.* to mdw_ingest;
grant select on ops.* to mdw_ingest;
grant select on information_schema.* to mdw_ingest;
-- For the bookkeeping tables that dlt creates itself.
grant table engine on MergeTree to mdw_ingest;
grant table engine on ReplicatedMergeTree to mdw_ingest;
grant select on INFORMATION_SCHEMA.* to mdw_ingest;
grant insert on ops.landings to mdw_ingest;
-- Coverage that older releases claimed without proof.
grant insert on ops.corrected_claims to mdw_ingest;
-- Bookkeeping of the live readers.
grant insert on ops.live_events to mdw_ingest;
grant insert on ops.live_minutes to mdw_ingest;
