"""dlt's own tables on a cluster: made on every node, and replicated.

dlt creates tables on the node that it is connected to. A landing by another node would then find none of them.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from dlt.common.schema.typing import TColumnSchema
from dlt.destinations import clickhouse
from dlt.destinations.impl.clickhouse.clickhouse import ClickHouseClient

# Settings of the native connection: do not wait for a node that is down.
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
            super().initialize_storage(truncate_tables)

        def _get_table_update_sql(
            self, table_name: str, new_columns: Sequence[TColumnSchema], generate_alter: bool
        ) -> list[str]:
            table = self.sql_client.make_qualified_table_name(table_name)
            statements = super()._get_table_update_sql(table_name, new_columns, generate_alter)
            return [
                sql.replace(
                    f"CREATE TABLE {table}", f"CREATE TABLE IF NOT EXISTS {table} ON CLUSTER `{cluster}`", 1
                ).replace(f"ALTER TABLE {table}", f"ALTER TABLE {table} ON CLUSTER `{cluster}`", 1)
                for sql in statements
            ]

    class Destination(clickhouse):
        @property
        def client_class(self) -> type[ClickHouseClient]:
            return Client

    return partial(Destination, destination_name="clickhouse", table_engine_type="replicated_merge_tree")
