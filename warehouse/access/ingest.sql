-- Lands pages: may add, never change or remove.
grant select, insert, create table, alter add column on raw.* to mdw_ingest;
grant select on ops.* to mdw_ingest;
grant select on information_schema.* to mdw_ingest;
-- For the bookkeeping tables that dlt makes itself.
grant table engine on MergeTree to mdw_ingest;
grant table engine on ReplicatedMergeTree to mdw_ingest;
grant select on INFORMATION_SCHEMA.* to mdw_ingest;
grant insert on ops.landings to mdw_ingest;
-- Claims of older software that the rows of its pages do not prove.
grant insert on ops.corrected_claims to mdw_ingest;
-- Bookkeeping of the live readers.
grant insert on ops.live_events to mdw_ingest;
grant insert on ops.live_minutes to mdw_ingest;
