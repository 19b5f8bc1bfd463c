-- Reads the published views and nothing else; the limits of the profile make an unpinned scan fail fast.
grant select on marts.v_* to mdw_researcher;
