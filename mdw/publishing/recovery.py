"""Disaster recovery: restores a warehouse from an Iceberg export."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from filelock import FileLock, Timeout

from mdw.publishing import dbt
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.iceberg import restore as rows
from warehouse.iceberg.lake import Lake, opened
from warehouse.iceberg.layout import DATASETS
from warehouse.iceberg.ledger import Exported
from warehouse.iceberg.target import Target
from warehouse.settings import Settings


@dataclass
class Restored:
    """The result of an import; `row_counts` is empty if the snapshot was already there."""

    snapshot_id: str
    data_version: int
    row_counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    notices: list[str] = field(default_factory=list)


def restore(
    settings: Settings,
    snapshot_id: str | None,
    source: Target,
    *,
    catalog: str = "sql",
    namespace: str = "market_data",
    report: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Import, verify, publish, in this order; safe to run again after a crash.

    Raises BadInput if the warehouse is not empty or the export does not exist, OperationFailed if the imported rows
    differ from the exported manifest.
    """
    started = time.monotonic()
    try:
        with (
            FileLock(settings.home / "build.lock", timeout=5),
            opened(settings, source, catalog, namespace, write=False) as lake,
        ):
            entry = rows.choose(lake, snapshot_id)
            result = Restored(entry.snapshot.snapshot_id, entry.snapshot.data_version)
            _restore(settings, lake, entry, result, report)
    except Timeout:
        raise OperationFailed(f"A build or import of {settings.home} is running; wait for it to end.") from None
    result.seconds = time.monotonic() - started
    return result


def _restore(settings: Settings, lake: Lake, entry: Exported, result: Restored, report: Callable[[str], None]) -> None:
    whole = rows.expected(lake, entry)
    with connect(settings, "transform") as client:
        if rows.already_there(client, entry, whole):
            result.notices.append(f"Snapshot {result.snapshot_id} is already published here with the same content.")
            return
        with connect(settings, "admin") as admin:
            rows.claim(admin, entry)
        report("tables")
        variables = _variables(settings, entry)
        _dbt(settings, "run-operation", variables, sub=("create_marts",))
        for dataset in DATASETS:
            if dataset.name not in entry.iceberg_snapshot_ids:
                continue
            report(dataset.name)
            result.row_counts[dataset.name] = rows.insert(client, lake, entry, dataset, whole)
        report("proof")
        rows.prove(client, entry, whole)
        with connect(settings, "admin") as admin:
            rows.record_proof(admin, entry)
        report("publication")
        # A build without the marts, which are filled already, and the audits, which the snapshot has passed.
        only = ("--exclude", "config.materialized:versioned", "--exclude-resource-types", "test", "unit_test")
        _dbt(settings, "build", variables, *only)
        if not rows.is_published(client, entry, whole):
            raise OperationFailed(
                f"Snapshot {result.snapshot_id} was published with a manifest that differs from the exported one: "
                "do not use this warehouse; restore into another one and report it."
            )


def _variables(settings: Settings, entry: Exported) -> dict[str, object]:
    note = f"imported; published {entry.snapshot.published_at:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "snapshot_id": entry.snapshot.snapshot_id,
        "snapshot_note": f"{entry.snapshot.note} ({note})" if entry.snapshot.note else note,
        "code_revision": entry.snapshot.code_revision,
        "build_owner": dbt.owner(settings),
        "break_claims_of": dbt.owner(settings),
    }


def _dbt(
    settings: Settings, command: str, variables: dict[str, object], *extra: str, sub: tuple[str, ...] = ()
) -> None:
    outcome = dbt.run(settings, command, variables, *extra, sub=sub)
    if outcome.exit_code:
        reason = "; ".join(outcome.errors) or ", ".join(node.name for node in outcome.failed)
        raise OperationFailed(f"dbt {command} failed: {reason}. Fix it and run the import again.")
