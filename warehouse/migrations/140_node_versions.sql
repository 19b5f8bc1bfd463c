-- Which node of a cluster holds which data version; stays empty on one server.
create table if not exists ops.node_versions ${ON_CLUSTER}
(
    node String comment 'name of the replica (macro `replica` of its configuration)',
    version UInt32 comment 'data version of which the node holds every row',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC') comment 'when its rows were compared, UTC'
)
engine = ${MERGE_TREE}
order by (node, version)
comment 'Nodes and the data versions that they hold: a view that shows a version stops on any other node.';
