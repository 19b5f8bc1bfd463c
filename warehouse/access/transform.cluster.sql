-- What dbt additionally does with replicas: ON CLUSTER, comparing nodes, waiting for a replica.
grant cluster on *.* to mdw_transform;
grant optimize on ops.node_versions to mdw_transform;
grant read on REMOTE to mdw_transform;
grant system sync replica on ops.* to mdw_transform;
grant system sync replica on staging.* to mdw_transform;
grant system sync replica on marts.* to mdw_transform;
grant system sync replica on snaps.* to mdw_transform;
grant system sync replica on elementary.* to mdw_transform;
