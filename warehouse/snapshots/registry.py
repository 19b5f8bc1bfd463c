"""Reading the registry of snapshots and their manifests."""

from dataclasses import dataclass
from datetime import datetime

from clickhouse_connect.driver.client import Client

from warehouse.errors import BadInput


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot; times in UTC."""

    snapshot_id: str
    data_version: int
    published_at: datetime
    code_revision: str
    note: str


@dataclass(frozen=True)
class DatasetPart:
    """One dataset of a snapshot: rows and their order-free content hash."""

    dataset: str
    row_count: int
    content_hash: str


def published(client: Client) -> list[Snapshot]:
    """All snapshots, newest first; none where nothing was ever built."""
    if not client.command("exists table marts.snapshots"):
        return []
    rows = client.query(
        "select snapshot_id, data_version, published_at, code_revision, note from marts.snapshots "
        "order by published_at desc, data_version desc"
    ).result_rows
    return [Snapshot(*row) for row in rows]


def find(client: Client, snapshot_id: str) -> Snapshot:
    """The snapshot of this id; raises BadInput that names the newest ones where there is none."""
    known = published(client)
    for snapshot in known:
        if snapshot.snapshot_id == snapshot_id:
            return snapshot
    newest = ", ".join(snapshot.snapshot_id for snapshot in known[:5])
    said = f"The newest are: {newest}." if newest else "None is published yet: run `mdw build`."
    raise BadInput(f"There is no snapshot {snapshot_id!r}. {said}")


def datasets(client: Client, snapshot: Snapshot) -> list[DatasetPart]:
    """Rows and content hash by dataset, from the manifest."""
    rows = client.query(
        """
        select dataset, sum(row_count), lower(hex(sum(content_hash)))
        from (
            select dataset, instrument_id, timeframe, month,
                argMax(row_count, version) as row_count, argMax(content_hash, version) as content_hash
            from marts.snapshot_manifest
            where version <= {version:UInt32}
            group by dataset, instrument_id, timeframe, month
        )
        group by dataset order by dataset
        """,
        parameters={"version": snapshot.data_version},
    ).result_rows
    return [DatasetPart(*row) for row in rows]
