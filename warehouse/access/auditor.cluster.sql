-- Compares the nodes with each other.
grant read on REMOTE to mdw_auditor;
