"""The dbt build that publishes a snapshot; one writer at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from filelock import BaseFileLock, FileLock, Timeout

from mdw.publishing import dbt, elementary_packages
from mdw.revision import code_revision
from warehouse import schema, snapshots
from warehouse.client import connect
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings
from warehouse.snapshot_ids import check_snapshot_id, new_snapshot_id
from warehouse.snapshots import registry

_WAIT_SECONDS = 3600


@dataclass
class BuildResult:
    """The result of a build: failures and warnings are (name, rows, message).

    `published`: a snapshot with this id is published now; `existed`: it was before, and nothing was built.
    """

    snapshot_id: str
    data_version: int | None = None
    published: bool = False
    existed: bool = False
    failures: list[tuple[str, int, str]] = field(default_factory=list)
    warnings: list[tuple[str, int, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        named = ("name", "rows", "message")
        return {
            **vars(self),
            "failures": [dict(zip(named, row, strict=True)) for row in self.failures],
            "warnings": [dict(zip(named, row, strict=True)) for row in self.warnings],
        }


def build(settings: Settings, snapshot_id: str | None, note: str = "", *, observed: bool = False) -> BuildResult:
    """Transform, audit, publish; `observed`: Elementary records the run.

    Waits for another build to end. A snapshot that is already published is left as it is, with a notice. Raises
    BadInput for an id that is invalid or was dropped, OperationFailed if ClickHouse or dbt fails.
    """
    result = BuildResult(check_snapshot_id(snapshot_id) if snapshot_id else new_snapshot_id(settings.clock()))
    with connect(settings, "transform") as client:
        schema.refuse_older_data(client)
    _refuse_dropped(settings, result.snapshot_id)
    project = dbt.DBT_PROJECT
    if observed:
        elementary_packages.prepare(settings)
        project = elementary_packages.WRAPPER
    variables: dict[str, object] = {
        **claim_variables(settings),
        "snapshot_id": result.snapshot_id,
        "snapshot_note": note,
        "code_revision": code_revision(),
    }
    package_variables: dict[str, object] = {}
    if settings.now is not None:
        variables["now"] = settings.now.isoformat()
        if observed:
            package_variables["custom_run_started_at"] = settings.now.isoformat()
    with only_writer(settings) as lock:
        result.data_version = data_version(settings, result.snapshot_id)
        if result.data_version is not None:
            result.published = result.existed = True
            result.notices = [
                f"Snapshot {result.snapshot_id} exists already (data version {result.data_version}): it is left as it "
                "is, and nothing was built."
            ]
            return result
        # dbt's unit tests check the code, not the data: `make test` runs them.
        outcome = dbt.run(
            settings,
            "build",
            variables,
            "--exclude-resource-type",
            "unit_test",
            project=project,
            held=_files(lock),
            package_variables=package_variables,
        )
    result.notices = outcome.notices
    result.failures = [(node.name, node.failures, node.message) for node in outcome.failed]
    result.warnings = [(node.name, node.failures, node.message) for node in outcome.warned]
    if outcome.exit_code and not result.failures:
        result.failures = [("dbt", 0, text) for text in outcome.errors] or [("dbt", 0, "ended with an error")]
    # Checked even after a failure, which may be of something after the registry, such as a test of a reader view.
    result.data_version = data_version(settings, result.snapshot_id)
    result.published = result.data_version is not None
    return result


def claim_variables(settings: Settings) -> dict[str, object]:
    """dbt variables for the holder of the lock of `only_writer`: other claims by this owner are from dead builds."""
    owner = dbt.owner(settings)
    return {"build_owner": owner, "break_claims_of": owner, "build_wait_seconds": _WAIT_SECONDS}


@contextmanager
def only_writer(settings: Settings) -> Iterator[BaseFileLock]:
    """One build or drop of this MDW_HOME at a time; raises OperationFailed after an hour of waiting."""
    try:
        with FileLock(settings.home / "build.lock", timeout=_WAIT_SECONDS) as lock:
            yield lock
    except Timeout:
        raise OperationFailed(f"Another build of {settings.home} has been running for an hour; see its log.") from None


def _refuse_dropped(settings: Settings, snapshot_id: str) -> None:
    with connect(settings, "auditor") as client:
        dropped = snapshots.dropped_at(client, snapshot_id)
    if dropped is not None:
        raise BadInput(
            f"Snapshot {snapshot_id!r} was dropped on {dropped:%Y-%m-%d %H:%M} UTC. A name is never used for other "
            "rows: choose another one. Nothing was changed."
        )


def _files(lock: BaseFileLock) -> tuple[int, ...]:
    """Descriptors for dbt to inherit: if mdw alone is killed, dbt goes on and must keep the lock."""
    number = lock._context.lock_file_fd
    return () if number is None else (number,)


def data_version(settings: Settings, snapshot_id: str) -> int | None:
    """Data version of a published snapshot, or None."""
    with connect(settings, "auditor") as client:
        return registry.data_version(client, snapshot_id)
