"""MDW_CLUSTER against one server; against a cluster: tests/cluster."""

import pytest

from tests.conftest import Warehouse
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Role
from warehouse.topology import refuse_other_topology


@pytest.mark.parametrize("role", ["admin", "transform"])
def test_a_cluster_that_the_server_does_not_have_is_bad_input(module_warehouse: Warehouse, role: Role):
    settings = module_warehouse.settings.model_copy(update={"cluster": "elsewhere"})
    with pytest.raises(
        BadInput, match=r"MDW_CLUSTER is 'elsewhere', and remote_servers of this server names: .*Set it"
    ):
        connect(settings, role)


def test_a_cluster_for_tables_that_are_not_replicated_is_bad_input(module_warehouse: Warehouse):
    with module_warehouse.client() as client:
        with pytest.raises(BadInput, match=r"are not replicated .ops.builds is MergeTree"):
            refuse_other_topology(client, "mdw")
        refuse_other_topology(client, "")
    with pytest.raises(BadInput, match="are not replicated"):
        connect(module_warehouse.settings.model_copy(update={"cluster": "mdw"}), "ingest")
