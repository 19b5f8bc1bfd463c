-- A snapshot that is known to be bad stays as it is, and readers are told.
alter table ops.snapshot_events ${ON_CLUSTER}
    add column if not exists reason String default '' comment 'why, in the words of the actor';

alter table ops.snapshot_events ${ON_CLUSTER}
    modify comment 'What happened to snapshots: protected, unprotected, withdrawn, reinstated, dropped.',
    comment column event 'protected, unprotected, withdrawn, reinstated or dropped';
