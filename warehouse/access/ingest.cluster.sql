-- dlt creates its own tables on every node.
grant cluster on *.* to mdw_ingest;
