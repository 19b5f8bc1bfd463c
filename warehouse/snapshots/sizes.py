"""Sizes of snapshots: the rows that only they keep alive."""

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from warehouse.snapshots.layout import DATASETS, OPEN_VERSION, Dataset
from warehouse.snapshots.registry import PublishedSnapshot


@dataclass(frozen=True)
class Size:
    """Size of one dataset: `own_rows` are in no other snapshot; bytes are estimated from the mart's average row."""

    dataset: str
    own_rows: int
    own_bytes: int
    bytes_per_row: float


def sizes(client: Client, gone: list[PublishedSnapshot], known: list[PublishedSnapshot]) -> list[Size]:
    """What would be freed if the snapshots in `gone` were dropped together."""
    ids = {snapshot.snapshot_id for snapshot in gone}
    kept = sorted({0, *(snapshot.data_version for snapshot in known if snapshot.snapshot_id not in ids)})
    dropped = sorted({snapshot.data_version for snapshot in gone})
    return [_size(client, dataset, kept, dropped) for dataset in DATASETS]


def _size(client: Client, dataset: Dataset, kept: list[int], dropped: list[int]) -> Size:
    # A row is alive at a version of the list if the last such version before its end is not before its begin.
    rows = client.query(
        f"""
        with valid_to_version - 1 as last_version
        select count() from marts.{dataset.mart}
        where valid_to_version != {OPEN_VERSION}
            and roundDown(last_version, {{kept:Array(UInt32)}}) < valid_from_version
            and roundDown(last_version, {{dropped:Array(UInt32)}}) >= valid_from_version
        """,  # noqa: S608
        parameters={"kept": kept, "dropped": [0, *dropped]},
    ).result_rows[0][0]
    width = client.query(
        "select sum(data_compressed_bytes) / greatest(sum(rows), 1) from system.parts "
        "where database = 'marts' and table = {mart:String} and active",
        parameters={"mart": dataset.mart},
    ).result_rows[0][0]
    return Size(dataset.name, int(rows), round(rows * width), float(width))
