"""The sizes of cached files and when each was last used, so that the folder need not be scanned."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_VERSION = 1
_SCHEMA = (
    "create table if not exists files (name text primary key, bytes integer not null, used real not null)",
    # Only for their sum, which every new file needs.
    "create index if not exists sizes on files (bytes)",
)
# Errors of a working index: others use it, or it cannot be written. After any other error it is rebuilt.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


class Index:
    """A small SQLite file next to the cached ones. If lost or damaged, it is rebuilt from the folder."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / "index.sqlite"

    def add(self, sizes: Mapping[str, int], used: Iterable[str] = ()) -> int:
        """Record files, and that others were read; returns the total size of all files."""
        now = time.time()

        def work(connection: sqlite3.Connection) -> int:
            connection.executemany("update files set used = ? where name = ?", [(now, name) for name in used])
            connection.executemany(
                "insert or replace into files values (?, ?, ?)", [(name, size, now) for name, size in sizes.items()]
            )
            return self._total(connection)

        return self._run(work, is_write=True)

    def oldest(self, excess: int) -> list[str]:
        """Remove the least recently used files, at least `excess` bytes, from the index; returns their names."""

        def work(connection: sqlite3.Connection) -> list[str]:
            names, freed = [], 0
            for name, size in connection.execute("select name, bytes from files order by used, name"):
                if freed >= excess:
                    break
                names.append(name)
                freed += size
            _delete(connection, names)
            return names

        return self._run(work, is_write=True)

    def remove(self, names: Iterable[str]) -> None:
        """Forget files that do not exist."""
        self._run(lambda connection: _delete(connection, names), is_write=True)

    def facts(self) -> tuple[int, int]:
        """Number of files and their total size in bytes."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            count = connection.execute("select count(*) from files").fetchone()[0]
            return int(count), self._total(connection)

        return self._run(work, is_write=False)

    def rebuild(self) -> None:
        """Make the index again from the files that exist."""
        self._path.unlink(missing_ok=True)
        Path(f"{self._path}-journal").unlink(missing_ok=True)
        self._run(self._total, is_write=False)

    def _run(self, work: Callable[[sqlite3.Connection], T], is_write: bool) -> T:
        try:
            return self._once(work, is_write)
        except sqlite3.Error as error:
            if not self._is_damaged(error):
                raise
        with contextlib.suppress(OSError):
            self.rebuild()
        return self._once(work, is_write)

    def _once(self, work: Callable[[sqlite3.Connection], T], is_write: bool) -> T:
        with contextlib.suppress(OSError):
            # SQLite would create it without the group's right to write, whatever the umask: users may share a folder.
            self._path.touch()
        with contextlib.closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = off")
            if connection.execute("pragma user_version").fetchone()[0] != _VERSION:
                # In one transaction with its version: a killed process leaves no index without its files.
                connection.execute("begin immediate")
                for statement in _SCHEMA:
                    connection.execute(statement)
                self._fill(connection)
                connection.execute(f"pragma user_version = {_VERSION}")
                connection.execute("commit")
            connection.execute("begin immediate" if is_write else "begin")
            done = work(connection)
            connection.execute("commit")
            return done

    def _is_damaged(self, error: sqlite3.Error) -> bool:
        # The low byte is the kind of error, the others say more about it.
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if kind == sqlite3.SQLITE_READONLY:
            return os.access(self._path, os.W_OK)
        return kind not in _PASSING

    def _fill(self, connection: sqlite3.Connection) -> None:
        for folder in self._folder.glob("??"):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                files = ((entry.name.removesuffix(".arrow"), entry.stat()) for entry in entries if _is_file(entry))
                connection.executemany(
                    "insert or replace into files values (?, ?, ?)",
                    [(name, facts.st_size, facts.st_mtime) for name, facts in files],
                )

    @staticmethod
    def _total(connection: sqlite3.Connection) -> int:
        return int(connection.execute("select coalesce(sum(bytes), 0) from files").fetchone()[0])


def _delete(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    connection.executemany("delete from files where name = ?", [(name,) for name in names])


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".arrow")
