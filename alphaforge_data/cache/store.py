"""Stores tables as memory-mapped files by key: what a pin reads never changes, so a complete copy stays valid."""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
# Files that a store keeps mapped: mapping them costs most of the time of a cached read.
_MAPPED = 128
# Identifies the content of a file for this process: path, inode, modification time, size.
Mark: TypeAlias = tuple[str, int, int, int]
# Files that this process has verified, and those that it found damaged and has logged.
_verified: set[Mark] = set()
_damaged: set[Mark] = set()
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
        self._mapped: OrderedDict[Mark, pa.Table] = OrderedDict()
        self._counted = threading.Lock()
        _stores.add(self)
        self._hits = self._misses = 0
        self._is_swept = False

    def get(self, key: Key) -> pa.Table | None:
        """The stored table; None if there is none, or if it is damaged (which is logged)."""
        return self.get_all({None: key}).get(None)

    def get_all(self, keys: Mapping[T, Key]) -> dict[T, pa.Table]:
        """Those of the tables that are stored."""
        names = {one: _name(key) for one, key in keys.items()}
        marks = {name: _mark(self._path(name)) for name in names.values()}
        self._verify_together(mark for mark in marks.values() if mark is not None)
        tables = {name: self._table(name, mark) for name, mark in marks.items()}
        return {one: table for one, name in names.items() if (table := tables[name]) is not None}

    def put(self, tables: Iterable[tuple[Key, pa.Table]]) -> None:
        """Store the tables, as far as the folder allows."""
        with self.filling() as add:
            for key, table in tables:
                add(key, table)

    @contextlib.contextmanager
    def filling(self) -> Iterator[Callable[[Key, pa.Table], None]]:
        """Yields a function that stores a table: written while the caller goes on, visible when the block ends.

        A block that raises stores nothing. Like `put`, as far as the folder allows.
        """
        # In threads: hashing and waiting for the disk do not hold the interpreter.
        with ThreadPoolExecutor(_THREADS) as pool:
            written: dict[str, Future[tuple[Path, int] | None]] = {}

            def add(key: Key, table: pa.Table) -> None:
                name = _name(key)
                if name not in written:
                    written[name] = pool.submit(self._write, name, table)

            try:
                yield add
                parts = {name: one.result() for name, one in written.items()}
            except BaseException:
                wait(written.values())
                _discard(part for one in written.values() if one.exception() is None and (part := one.result()))
                raise
        self._publish({name: part for name, part in parts.items() if part is not None})

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

    def _table(self, name: str, mark: Mark | None) -> pa.Table | None:
        table = None if mark is None or mark in _damaged else self._read(mark)
        with self._counted:
            self._hits += table is not None
            self._misses += table is None
            if mark is not None and table is not None:
                self._used.add(name)
                self._mapped[mark] = table
                self._mapped.move_to_end(mark)
                if len(self._mapped) > _MAPPED:
                    self._mapped.popitem(last=False)
        return table

    def _read(self, mark: Mark) -> pa.Table | None:
        table = self._mapped.get(mark)
        if table is not None:
            return table
        try:
            table = container.read(Path(mark[0]), verify=mark not in _verified)
        except (FileNotFoundError, PermissionError):
            return None
        except (OSError, container.Damaged) as error:
            log.warning("The cached file %s is damaged (%s): what it had is read from the warehouse.", mark[0], error)
            if isinstance(error, container.Damaged):
                _damaged.add(mark)
            return None
        _verified.add(mark)
        return table

    def _write(self, name: str, table: pa.Table) -> tuple[Path, int] | None:
        """The new file and its size, or None if it cannot be written."""
        try:
            return container.write(Path(self._path(name)), table)
        except OSError as error:
            log.info("%s is not cached: %s", self._path(name), error)
            return None

    def _publish(self, parts: Mapping[str, tuple[Path, int]]) -> None:
        if not parts:
            return
        with self._counted:
            used, self._used = self._used, set()
        try:
            # Counted before they are visible, so that those of a process killed now are removed some day.
            total = self._index.add({name: size for name, (_, size) in parts.items()}, used - parts.keys())
            for name, (part, _) in parts.items():
                container.publish(part, Path(self._path(name)))
            if total > self.limit:
                self._delete(self._index.oldest(int(total - self.limit * _KEEP_AFTER_PRUNING)))
        except (OSError, sqlite3.Error) as error:
            log.info("Not everything is cached in %s: %s", self.folder, error)
            _discard(parts.values())
            with contextlib.suppress(OSError, sqlite3.Error):
                self._index.remove(name for name in parts if not Path(self._path(name)).exists())
        if not self._is_swept:
            self._is_swept = True
            self._sweep()

    def _verify_together(self, marks: Iterable[Mark]) -> None:
        """Verify files in threads, as hashing does not hold the interpreter; `_read` reports those that are damaged."""
        unknown = [mark for mark in marks if mark not in _verified and mark not in _damaged]
        if len(unknown) > 1:
            with ThreadPoolExecutor(min(len(unknown), os.cpu_count() or 1, _THREADS)) as pool:
                checked = zip(unknown, pool.map(_is_whole, unknown), strict=True)
                _verified.update(mark for mark, is_whole in checked if is_whole)

    def _sweep(self) -> None:
        for path in container.leftovers(self.folder):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    path.unlink()

    def _delete(self, names: Iterable[str]) -> None:
        """Delete files; readers that have one mapped can go on using it."""
        with self._counted:
            self._mapped.clear()
        for name in names:
            with contextlib.suppress(OSError):
                Path(self._path(name)).unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name[:2]}/{name}.arrow"


# Stores of this process; in a forked one no thread would ever release a lock that was held.
_stores: "weakref.WeakSet[Store]" = weakref.WeakSet()


def _forget_locks() -> None:
    for one in _stores:
        one._counted = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def _discard(parts: Iterable[tuple[Path, int]]) -> None:
    for part, _ in parts:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _mark(path: str) -> Mark | None:
    """None if there is no such file, or none that this user may see."""
    try:
        facts = Path(path).stat()
    except OSError:
        return None
    return path, facts.st_ino, facts.st_mtime_ns, facts.st_size


def _is_whole(mark: Mark) -> bool:
    try:
        container.read(Path(mark[0]), verify=True)
    except (OSError, container.Damaged):
        return False
    return True


def _name(key: Key) -> str:
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True, default=str).encode()).hexdigest()
