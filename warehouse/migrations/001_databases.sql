-- The five databases of the flow (docs/design.md): raw pages land in raw, dbt writes staging, marts and
-- snaps (one small view a published snapshot), and ops holds the bookkeeping of builds.
create database if not exists raw ${ON_CLUSTER};
create database if not exists staging ${ON_CLUSTER};
create database if not exists marts ${ON_CLUSTER};
create database if not exists snaps ${ON_CLUSTER};
create database if not exists ops ${ON_CLUSTER};
