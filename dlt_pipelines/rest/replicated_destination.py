"""dlt's own tables on a cluster: created on every node, and replicated.

dlt creates tables only on the node that it is connected to. A landing through another node would not find them.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations import clickhouse
from dlt.destinations.impl.clickhouse.clickhouse import ClickHouseClient

# Settings of the native connection: do not wait for nodes that are down.
DDL_QUERY = {"distributed_ddl_output_mode": "null_status_on_timeout_only_active", "distributed_ddl_task_timeout": "20"}


def replicated(cluster: str) -> Callable[..., Any]:
    """The ClickHouse destination, for the nodes of this cluster."""

    class Client(ClickHouseClient):
        def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
            if not self.is_storage_initialized():
                table = self.sql_client.make_qualified_table_name(self.config.dataset_sentinel_table_name)
                self.sql_client.execute_sql(
                    f"create table if not exists {table} on cluster `{cluster}` (_dlt_id String) "
                    "engine = ReplicatedMergeTree order by _dlt_id comment 'internal dlt sentinel table'"
                )
            super().initialize_storage(truncate_tables or ())

        def _make_create_table(self, qualified_name: str, table: PreparedTableSchema) -> str:
            return f"CREATE TABLE IF NOT EXISTS {qualified_name} ON CLUSTER `{cluster}`"

        @staticmethod
        def _make_alter_table(qualified_name: str) -> str:
            return f"ALTER TABLE {qualified_name} ON CLUSTER `{cluster}`\n"

    class Destination(clickhouse):
        @property
        def client_class(self) -> type[ClickHouseClient]:
            return Client

    return partial(Destination, destination_name="clickhouse", table_engine_type="replicated_merge_tree")
