"""The sizes of cached files and when each was last used, so that the folder need not be scanned."""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_SCHEMA = "create table if not exists files (name text primary key, bytes integer not null, used real not null)"


class Index:
    """A small SQLite file next to the cached ones. If lost, it is rebuilt from the folder."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / "index.sqlite"

    def add(self, sizes: Mapping[str, int], used: Iterable[str]) -> int:
        """Record new files, and files that were read; returns the total size of all files."""
        now = time.time()
        with self._open() as connection:
            connection.executemany("update files set used = ? where name = ?", [(now, name) for name in used])
            connection.executemany(
                "insert or replace into files values (?, ?, ?)", [(name, size, now) for name, size in sizes.items()]
            )
            return self._total(connection)

    def oldest(self, excess: int) -> list[str]:
        """Remove the least recently used files, at least `excess` bytes, from the index; returns their names."""
        names, freed = [], 0
        with self._open() as connection:
            for name, size in connection.execute("select name, bytes from files order by used, name"):
                if freed >= excess:
                    break
                names.append(name)
                freed += size
            connection.executemany("delete from files where name = ?", [(name,) for name in names])
        return names

    def facts(self) -> tuple[int, int]:
        """Number of files and their total size in bytes."""
        with self._open() as connection:
            count, total = connection.execute("select count(*), coalesce(sum(bytes), 0) from files").fetchone()
            return int(count), int(total)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        is_new = not self._path.exists()
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            connection.execute("pragma synchronous = off")
            connection.execute(_SCHEMA)
            if is_new:
                self._fill(connection)
            yield connection

    def _fill(self, connection: sqlite3.Connection) -> None:
        for path in self._folder.glob("??/*.arrow"):
            with contextlib.suppress(OSError):
                facts = path.stat()
                connection.execute(
                    "insert or replace into files values (?, ?, ?)", (path.stem, facts.st_size, facts.st_mtime)
                )

    @staticmethod
    def _total(connection: sqlite3.Connection) -> int:
        return int(connection.execute("select coalesce(sum(bytes), 0) from files").fetchone()[0])
