"""Clones a warehouse with hard links: takes seconds, and no disk space until one of the two changes.

ClickHouse never modifies a finished part, so two servers may share its files: each adds its own parts, and removes
only its own links to old ones. ALTER TABLE … FREEZE relies on the same.
"""

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from filelock import FileLock, Timeout

from warehouse import embedded
from warehouse.client import connect
from warehouse.embedded.state import folder, read_state
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

# What builds created, and their records: left out of a clone of raw pages and decisions only.
_BUILT = ("staging", "marts", "snaps", "elementary")
_REMEMBERED = ("builds", "build_pages", "build_steps", "mart_rows", "snapshot_events", "iceberg_exports")
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Cloned:
    """A finished clone. `linked`: its files are shared with the origin, else copied. `bytes`: size of its data."""

    home: str
    tables: int
    bytes: int
    linked: bool
    seconds: float


def clone(settings: Settings, home: Path, *, raw_only: bool = False) -> Cloned:
    """Make `home` a warehouse with the current data of this one; the caller must prevent builds meanwhile.

    If the server is running, each table is frozen, so that merges and landings may continue. On another file system
    the files are copied. `raw_only` leaves out marts, snapshots and records of builds. Raises BadInput if `home` is in
    use or inside this warehouse, OperationFailed if there is nothing to clone, a build is running, or the disk is full;
    then nothing is left behind.
    """
    started = time.monotonic()
    read_state(settings.home)
    home = home.expanduser().absolute()
    _check_target(settings, home)
    made = _missing_parents(home)
    part = home / "clickhouse.part"
    try:
        part.mkdir(parents=True, mode=0o700)
        with _origin(settings) as data:
            tables, linked = _create_tables(data, part / "data", raw_only)
        part.rename(folder(home))
    except OSError as error:
        _remove(part, made)
        if error.errno == errno.ENOSPC:
            reason = f"The disk of {home} is full; nothing was left there. Free some space or clone elsewhere."
        else:
            reason = f"{home} cannot become a clone: {error.strerror} ({error.filename}). Nothing was left there."
        raise OperationFailed(reason) from None
    except BaseException:
        _remove(part, made)
        raise
    _copy_manifest(settings.home, home)
    size = sum(file.stat().st_size for file in (folder(home) / "data").rglob("*") if file.is_file())
    return Cloned(str(home), tables, size, linked, time.monotonic() - started)


def _check_target(settings: Settings, home: Path) -> None:
    if home.resolve().is_relative_to(folder(settings.home).resolve()) or home.resolve() == settings.home:
        raise BadInput(f"{home} belongs to the warehouse that is cloned. Choose a folder outside {settings.home}.")
    if home.is_file() or (home.is_dir() and any(home.iterdir())):
        raise BadInput(f"{home} exists and is not empty: a clone needs a new or empty folder. Nothing was changed.")


def _missing_parents(home: Path) -> list[Path]:
    """Folders that will be created for the clone, innermost first."""
    return [place for place in (home, *home.parents) if not place.exists()]


def _remove(part: Path, made: list[Path]) -> None:
    shutil.rmtree(part, ignore_errors=True)
    for place in made:
        with contextlib.suppress(OSError):
            place.rmdir()


@dataclass(frozen=True)
class _Data:
    """The origin's files. `frozen`: the folder of its frozen parts, to move from; None: parts are linked in place."""

    path: Path
    frozen: Path | None

    def parts(self, table: Path) -> list[Path]:
        """Folders of the parts of a table; `table` is relative, store/abc/<uuid>."""
        root = self.path if self.frozen is None else self.frozen
        if not (root / table).is_dir():
            return []
        return [part for part in (root / table).iterdir() if part.is_dir() and part.name != "detached"]


@contextlib.contextmanager
def _origin(settings: Settings) -> Iterator[_Data]:
    data = folder(settings.home) / "data"
    try:
        # `mdw up` and `mdw down` take this lock: the server's state does not change while it is held.
        with FileLock(folder(settings.home) / "control.lock", timeout=_WAIT_SECONDS):
            if not embedded.status(settings).running:
                yield _Data(data, None)
                return
            with _frozen(settings, data) as frozen:
                yield _Data(data, frozen)
    except Timeout:
        raise OperationFailed(f"`mdw up` or `mdw down` is running in {settings.home}; try again.") from None


@contextlib.contextmanager
def _frozen(settings: Settings, data: Path) -> Iterator[Path]:
    name = f"mdw_clone_{uuid.uuid4().hex}"
    try:
        with connect(settings, "admin") as client:
            before = _refuse_running_build(client)
            for database, table in client.query(
                "select database, name from system.tables where engine like '%MergeTree' and not is_temporary "
                "and database not in ('system', 'information_schema', 'INFORMATION_SCHEMA')"
            ).result_rows:
                _freeze(client, database, table, name)
            if _refuse_running_build(client) != before:
                raise OperationFailed("A build started while the tables were frozen; run `mdw clone` again.")
        yield data / "shadow" / name
    finally:
        shutil.rmtree(data / "shadow" / name, ignore_errors=True)


def _refuse_running_build(client: Client) -> int:
    """Number of recorded build states; raises OperationFailed if a build of the last half hour has not ended."""
    if not client.command("exists table ops.builds"):
        return 0
    running = client.query(
        "select version, any(owner) from ops.builds group by version, invocation_id "
        "having argMax(state, recorded_at) in ('claiming', 'running') "
        "and max(recorded_at) > now64(6, 'UTC') - interval 30 minute"
    ).result_rows
    if running:
        raise OperationFailed(f"Build {running[0][0]} of {running[0][1]} is running: wait for it to end, then clone.")
    return int(client.query("select count() from ops.builds").result_rows[0][0])


def _freeze(client: Client, database: str, table: str, name: str) -> None:
    try:
        client.command(f"alter table `{database}`.`{table}` freeze with name '{name}'")
    except DatabaseError as error:
        # Temporary tables of a landing may disappear meanwhile.
        if "UNKNOWN_TABLE" not in str(error):
            raise OperationFailed(f"{database}.{table} cannot be frozen: {str(error).splitlines()[0]}") from None


def _create_tables(data: _Data, target: Path, raw_only: bool) -> tuple[int, bool]:
    """Create databases and tables in the clone; returns the tables with data, and whether all files are shared."""
    metadata = target / "metadata"
    metadata.mkdir(parents=True)
    tables, linked = 0, True
    for definition in sorted((data.path / "metadata").glob("*.sql")):
        shutil.copy2(definition, metadata)
        database = definition.stem
        tables_of = _place(definition)
        if tables_of is None:
            raise OperationFailed(f"Database {database} has an engine that cannot be cloned: {definition}.")
        # A database without tables has no folder.
        link = data.path / "metadata" / database
        if not link.is_symlink():
            continue
        (metadata / database).symlink_to(link.readlink())
        (target / tables_of).mkdir(parents=True)
        if raw_only and database in _BUILT:
            continue
        for table in sorted((data.path / tables_of).glob("*.sql")):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(table, target / tables_of)
            place = _place(table)
            if place is None or not (data.path / place / "format_version.txt").exists():
                continue
            (target / place / "detached").mkdir(parents=True)
            shutil.copy2(data.path / place / "format_version.txt", target / place)
            if raw_only and database == "ops" and table.stem in _REMEMBERED:
                continue
            tables += 1
            for part in data.parts(place):
                linked &= _place_part(part, target / place / part.name, movable=data.frozen is not None)
    return tables, linked


def _place(definition: Path) -> Path | None:
    """Folder of a table's data or of a database's definitions, from the UUID in its definition."""
    words = definition.read_text().split("'", 2)
    if not words[0].rstrip().endswith("UUID"):
        return None
    return Path("store", words[1][:3], words[1])


def _place_part(part: Path, target: Path, movable: bool) -> bool:
    """Move, link or (on another file system) copy a part into the clone. Returns whether its files are shared."""
    try:
        if movable:
            part.rename(target)
        else:
            _place_files(part, target, os.link)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.rmtree(target, ignore_errors=True)
        _place_files(part, target, shutil.copy2)
        return False
    return True


def _place_files(source: Path, target: Path, place: Callable[[Path, Path], object]) -> None:
    """Place every file of a folder into another. Not shutil.copytree, which hides the cause of a failure."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _place_files(entry, target / entry.name, place)
        else:
            place(entry, target / entry.name)


def _copy_manifest(origin: Path, home: Path) -> None:
    """Copy dbt's manifest of the origin's last run, for `--state`."""
    manifest = origin / "dbt" / "target" / "manifest.json"
    if manifest.exists():
        place = home / "dbt" / "origin"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy2(manifest, place)
