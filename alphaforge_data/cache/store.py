"""Stores tables as memory-mapped files by key: what a pin reads never changes, so a complete copy stays valid."""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa

from alphaforge_data.cache import container, locks
from alphaforge_data.cache.index import Index
from alphaforge_data.errors import BadRequest

log = logging.getLogger("alphaforge_data")

LIMIT = 10 * 1024**3
_KEEP_AFTER_PRUNING = 0.9
_LEFTOVER_SECONDS = 3600
_THREADS = 8
# Identifies the content of a file for this process: path, inode, modification time, size.
Mark: TypeAlias = tuple[str, int, int, int]
# Files that this process has verified.
_verified: set[Mark] = set()
Key = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class CacheInfo:
    """State of the cache: its folder, number of files, their bytes, the limit, and hits and misses of this client."""

    folder: Path
    files: int
    bytes: int
    limit: int
    hits: int
    misses: int


def default_folder() -> Path:
    """MDW_CACHE, else the user's cache folder. Raises BadRequest if this user has no home."""
    chosen = os.environ.get("MDW_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(Path(chosen) if chosen else Path(base) / "alphaforge_data")


def expanded(folder: Path) -> Path:
    """The folder, with the user's home for a leading ~. Raises BadRequest if this user has no home."""
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise BadRequest(
            f"The cache folder {folder} cannot be found ({error}). Set MDW_CACHE to a folder, or pass cache= with a "
            "folder or False."
        ) from None


class Store:
    """A folder of cached tables, at most `limit` bytes; it may be deleted at any time.

    A folder without write access is used read-only; that is never an error.
    """

    def __init__(self, folder: Path, limit: int = LIMIT):
        self.folder, self.limit = folder, limit
        self._index = Index(folder)
        self._used: set[str] = set()
        self._counted = threading.Lock()
        self._hits = self._misses = 0
        self._is_swept = False

    def get(self, key: Key) -> pa.Table | None:
        """The stored table; None if there is none, or if it is damaged (which is logged)."""
        return self._get(_name(key))

    def get_all(self, keys: Mapping[T, Key]) -> dict[T, pa.Table]:
        """Those of the tables that are stored."""
        names = {one: _name(key) for one, key in keys.items()}
        self._verify_together(map(self._path, names.values()))
        found = {one: self._get(name) for one, name in names.items()}
        return {one: table for one, table in found.items() if table is not None}

    def put(self, tables: Iterable[tuple[Key, pa.Table]]) -> None:
        """Store the tables, as far as the folder allows."""
        named = {_name(key): table for key, table in tables}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Before the files exist, so that those of a process killed now are counted, and removed some day.
            self._index.add({name: table.nbytes for name, table in named.items()})
            # In threads: hashing and waiting for the disk do not hold the interpreter.
            with ThreadPoolExecutor(min(len(named), _THREADS) or 1) as pool:
                written = dict(zip(named, pool.map(self._write, named, named.values()), strict=True))
            self._index.remove(name for name, size in written.items() if size is None)
            self._record({name: size for name, size in written.items() if size is not None})
        except (OSError, sqlite3.Error) as error:
            log.info("Nothing is cached in %s: %s", self.folder, error)

    @contextlib.contextmanager
    def locked(self, *keys: Key) -> Iterator[None]:
        """Lock the keys: another thread or process that needs one of them waits, and then finds it stored."""
        with locks.held(self.folder, (_name(key)[:32] for key in keys)):
            yield

    def info(self) -> CacheInfo:
        """State of the cache."""
        try:
            files, size = self._index.facts() if self.folder.exists() else (0, 0)
        except (OSError, sqlite3.Error):
            found = [path.stat().st_size for path in self.folder.glob("??/*.arrow")]
            files, size = len(found), sum(found)
        return CacheInfo(self.folder, files, size, self.limit, self._hits, self._misses)

    def verify(self) -> list[Path]:
        """Check every file against its checksum; deletes damaged ones and returns them. Rebuilds the index."""
        damaged = []
        for path in sorted(self.folder.glob("??/*.arrow")):
            try:
                container.read(path, verify=True)
            except (FileNotFoundError, PermissionError):
                continue
            except (OSError, container.Damaged):
                damaged.append(path)
                self._delete([path.stem])
        with contextlib.suppress(OSError, sqlite3.Error):
            self._index.rebuild()
        return damaged

    def clear(self) -> int:
        """Delete every cached file; returns their number."""
        names = [path.stem for path in self.folder.glob("??/*.arrow")]
        self._delete(names)
        for path in container.leftovers(self.folder):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError, sqlite3.Error):
            self._index.oldest(1 << 62)
        return len(names)

    def _get(self, name: str) -> pa.Table | None:
        path = self._path(name)
        try:
            mark = _mark(path)
            table = container.read(path, verify=mark not in _verified)
        except (FileNotFoundError, PermissionError):
            table = None
        except (OSError, container.Damaged) as error:
            log.warning("The cached file %s is damaged (%s): it is read from the warehouse again.", path, error)
            table = None
        else:
            _verified.add(mark)
        with self._counted:
            self._hits += table is not None
            self._misses += table is None
            if table is not None:
                self._used.add(name)
        return table

    def _write(self, name: str, table: pa.Table) -> int | None:
        """The size of the new file, or None if it cannot be written."""
        try:
            return container.write(self._path(name), table)
        except OSError as error:
            log.info("%s is not cached: %s", self._path(name), error)
            return None

    def _record(self, sizes: Mapping[str, int]) -> None:
        with self._counted:
            used, self._used = self._used, set()
        total = self._index.add(sizes, used - sizes.keys())
        if total > self.limit:
            self._delete(self._index.oldest(int(total - self.limit * _KEEP_AFTER_PRUNING)))
        if not self._is_swept:
            self._is_swept = True
            self._sweep()

    def _verify_together(self, paths: Iterable[Path]) -> None:
        """Verify files in threads, as hashing does not hold the interpreter; `get` reports those that are damaged."""
        unknown: dict[Mark, Path] = {}
        for path in paths:
            with contextlib.suppress(OSError):
                mark = _mark(path)
                if mark not in _verified:
                    unknown[mark] = path
        if len(unknown) > 1:
            with ThreadPoolExecutor(min(len(unknown), os.cpu_count() or 1, _THREADS)) as pool:
                checked = zip(unknown, pool.map(_is_whole, unknown.values()), strict=True)
                _verified.update(mark for mark, is_whole in checked if is_whole)

    def _sweep(self) -> None:
        for path in container.leftovers(self.folder):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    path.unlink()

    def _delete(self, names: Iterable[str]) -> None:
        """Delete files; readers that have one mapped can go on using it."""
        for name in names:
            with contextlib.suppress(OSError):
                self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return Path(f"{self.folder}/{name[:2]}/{name}.arrow")


def _mark(path: Path) -> Mark:
    facts = path.stat()
    return str(path), facts.st_ino, facts.st_mtime_ns, facts.st_size


def _is_whole(path: Path) -> bool:
    try:
        container.read(path, verify=True)
    except (OSError, container.Damaged):
        return False
    return True


def _name(key: Key) -> str:
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True, default=str).encode()).hexdigest()
