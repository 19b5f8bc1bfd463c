-- Rows of which only an optional value could not be read are published, with NULL: the audits tell them from those that were rejected.
alter table marts.dq_rejected_rows ${ON_CLUSTER}
    add column if not exists is_kept Nullable(Bool) comment 'whether the row is in its mart all the same; NULL in rows stored before this was told apart'
    after reason;
