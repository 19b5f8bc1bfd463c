"""SQL with which ClickHouse reads an export like its own view, pinned by Iceberg's snapshot id."""

from clickhouse_connect.driver.client import Client

from warehouse.iceberg.layout import Dataset
from warehouse.snapshots import PublishedSnapshot


def select(client: Client, dataset: Dataset, snapshot: PublishedSnapshot, source: str, iceberg_snapshot_id: int) -> str:
    """A SELECT with the columns and types of the dataset's `_at` view.

    `source` is a table or table function of ClickHouse's Iceberg engine. The pin is not a column of the Iceberg
    table, because snapshots share files: it is added here.
    """
    rows = client.query(
        f"describe table (select * from marts.{dataset.view}(snapshot_id = {{id:String}}))",  # noqa: S608 - our names
        parameters={"id": snapshot.snapshot_id},
    ).result_rows
    pins = {"snapshot_id": f"'{snapshot.snapshot_id}'", "data_version": str(snapshot.data_version)}
    columns = ", ".join(f"cast({pins.get(name, name)} as {kind}) as {name}" for name, kind, *_ in rows)
    return (
        f"select {columns} from {source} "  # noqa: S608 - names of views and of our tables
        f"settings iceberg_snapshot_id = {int(iceberg_snapshot_id)}, prefer_column_name_to_alias = 1"
    )
