"""Answers kept as memory-mapped Arrow files: a pinned read never changes, so a copy of it is always right."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

_FORMAT = 1
_LIMIT = 10 * 1024**3


def default_folder() -> Path:
    """MDW_CACHE, else the user's cache folder."""
    chosen = os.environ.get("MDW_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen) if chosen else (Path(base) if base else Path.home() / ".cache") / "alphaforge_data"


class Cache:
    """A folder of `<key>.arrow` files, `limit` bytes at most; delete it whenever you like.

    `key` covers the server, everything published about the snapshot, the query and its parameters.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT):
        self.folder, self.limit = folder, limit

    def get(self, key: Mapping[str, Any], read: Callable[[], pa.Table]) -> pa.Table:
        """The stored table, else `read()` stored. A folder that cannot be written to is no cache, no error."""
        text = json.dumps({**key, "format": _FORMAT, "pyarrow": pa.__version__}, sort_keys=True)
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.arrow"
        stored = _mapped(path)
        if stored is not None:
            return stored
        table = read()
        return _mapped(path) or table if self._store(path, table) else table

    def _store(self, path: Path, table: pa.Table) -> bool:
        part = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(suffix=".part", dir=self.folder)
            part = Path(name)
            with os.fdopen(handle, "wb") as stream, pa.ipc.new_file(stream, table.schema) as writer:
                writer.write_table(table)
            part.replace(path)
            self._prune()
        except OSError:
            if part is not None:
                part.unlink(missing_ok=True)
            return False
        return True

    def _prune(self) -> None:
        """Drop the files that were read longest ago; a reader that has one mapped keeps it."""
        files = sorted(((path.stat(), path) for path in self.folder.glob("*.arrow")), key=_last_use, reverse=True)
        total = 0
        for facts, path in files:
            total += facts.st_size
            if total > self.limit:
                path.unlink(missing_ok=True)


def _last_use(entry: tuple[os.stat_result, Path]) -> tuple[int, str]:
    return entry[0].st_mtime_ns, entry[1].name


def _mapped(path: Path) -> pa.Table | None:
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        os.utime(path)
        return table
    except (OSError, pa.ArrowInvalid):
        # Absent, or damaged by a crash of the machine: read again and replaced.
        return None
