"""Reads the registry of snapshots."""

from dataclasses import dataclass
from datetime import datetime

from clickhouse_connect.driver.client import Client

from warehouse.errors import BadInput
from warehouse.snapshots.manifest import PARTS_AT_VERSION


@dataclass(frozen=True)
class PublishedSnapshot:
    """One published snapshot; times in UTC."""

    snapshot_id: str
    data_version: int
    published_at: datetime
    code_revision: str
    note: str
    protected: bool = False
    row_count: int = 0
    withdrawn: str | None = None
    """Why it is known to be bad, or None."""


@dataclass(frozen=True)
class DatasetPart:
    """One dataset of a snapshot: number of rows and their order-independent content hash."""

    dataset: str
    row_count: int
    content_hash: str


def published(client: Client) -> list[PublishedSnapshot]:
    """All snapshots, newest first; empty before the first build."""
    if not client.command("exists table marts.snapshots"):
        return []
    rows = client.query(
        "select snapshot_id, data_version, published_at, code_revision, note, arraySum(mapValues(row_counts)) "
        "from marts.snapshots order by data_version desc"
    ).result_rows
    protected, withdrawn = protected_ids(client), withdrawn_reasons(client)
    return [
        PublishedSnapshot(name, version, at, revision, note, name in protected, int(count), withdrawn.get(name))
        for name, version, at, revision, note, count in rows
    ]


def data_version(client: Client, snapshot_id: str) -> int | None:
    """Data version of a published snapshot, or None."""
    if not client.command("exists table marts.snapshots"):
        return None
    rows = client.query(
        "select data_version from marts.snapshots where snapshot_id = {id:String} limit 1",
        parameters={"id": snapshot_id},
    ).result_rows
    return int(rows[0][0]) if rows else None


def publication_age(client: Client) -> tuple[float, int] | None:
    """Seconds since the newest publication by ClickHouse's clock, and its data version; None before the first."""
    if not client.command("exists table marts.snapshots"):
        return None
    age, version, number = client.query(
        "select toFloat64(now64(3) - max(published_at)), max(data_version), count() from marts.snapshots"
    ).result_rows[0]
    return (max(age, 0.0), int(version)) if number else None


def newest_contents(client: Client) -> tuple[PublishedSnapshot, dict[str, int], dict[str, str]] | None:
    """The newest snapshot with rows and content hash by dataset; None before the first publication."""
    if not client.command("exists table marts.snapshots"):
        return None
    rows = client.query(
        "select snapshot_id, data_version, published_at, code_revision, note, row_counts, content_hashes "
        "from marts.snapshots order by data_version desc, published_at desc limit 1"
    ).result_rows
    if not rows:
        return None
    name, version, at, revision, note, counts, hashes = rows[0]
    reason = withdrawn_reasons(client).get(name)
    return PublishedSnapshot(name, version, at, revision, note, withdrawn=reason), counts, hashes


def rules(client: Client, snapshot: PublishedSnapshot) -> int:
    """Version of the rules for derived columns of the snapshot's views; 0 if it predates their numbering."""
    rows = client.query(
        "select * from marts.snapshots where snapshot_id = {id:String}", parameters={"id": snapshot.snapshot_id}
    ).named_results()
    return next((int(row.get("rules", 0)) for row in rows), 0)


def protected_ids(client: Client) -> set[str]:
    """Ids that cannot be dropped until they are unprotected."""
    rows = client.query(
        "select snapshot_id from ops.snapshot_events where event in ('protected', 'unprotected') "
        "group by snapshot_id having argMax(event, recorded_at) = 'protected'"
    ).result_rows
    return {str(row[0]) for row in rows}


def withdrawn_reasons(client: Client) -> dict[str, str]:
    """Snapshots that are known to be bad, and why."""
    # A warehouse that is not migrated yet has neither reasons nor such events.
    if not client.query("select count() from ops.snapshot_events where event = 'withdrawn'").result_rows[0][0]:
        return {}
    rows = client.query(
        "select snapshot_id, argMax(reason, recorded_at) from ops.snapshot_events "
        "where event in ('withdrawn', 'reinstated') group by snapshot_id "
        "having argMax(event, recorded_at) = 'withdrawn'"
    ).result_rows
    return {str(name): str(reason) for name, reason in rows}


def dropped_at(client: Client, snapshot_id: str) -> datetime | None:
    """When a snapshot of this name was dropped, or None."""
    rows = client.query(
        "select max(recorded_at) from ops.snapshot_events where event = 'dropped' and snapshot_id = {id:String} "
        "having count() > 0",
        parameters={"id": snapshot_id},
    ).result_rows
    return rows[0][0] if rows else None


def find(client: Client, snapshot_id: str) -> PublishedSnapshot:
    """The snapshot of this id; raises BadInput that names the newest ones if there is none."""
    known = published(client)
    for snapshot in known:
        if snapshot.snapshot_id == snapshot_id:
            return snapshot
    dropped = dropped_at(client, snapshot_id)
    if dropped is not None:
        raise BadInput(
            f"Snapshot {snapshot_id!r} was dropped on {dropped:%Y-%m-%d %H:%M} UTC; its name is never used again. "
            "`mdw snapshot list` shows the existing ones."
        )
    newest = ", ".join(snapshot.snapshot_id for snapshot in known[:5])
    hint = f"The newest are: {newest}." if newest else "None is published yet: run `mdw build`."
    raise BadInput(f"There is no snapshot {snapshot_id!r}. {hint}")


def datasets(client: Client, snapshot: PublishedSnapshot) -> list[DatasetPart]:
    """Rows and content hash by dataset, from the manifest."""
    rows = client.query(
        f"select dataset, sum(rows), lower(hex(sum(hash))) from ({PARTS_AT_VERSION}) "  # noqa: S608
        "group by dataset order by dataset",
        parameters={"version": snapshot.data_version},
    ).result_rows
    return [DatasetPart(*row) for row in rows]
