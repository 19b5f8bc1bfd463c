-- Lands pages: may add, never change or remove.
grant select, insert, create table, alter add column on raw.* to mdw_ingest;
grant select on ops.* to mdw_ingest;
grant select on information_schema.* to mdw_ingest;
