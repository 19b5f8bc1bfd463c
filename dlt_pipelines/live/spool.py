"""Batches on disk until ClickHouse has acknowledged them: one file per batch, with lines ready to be inserted.

Each reader has its own folder, protected by a lock. What a dead reader left is taken over at the next start; rows that
were inserted before it died are stored twice, which the views hide (one row per key).
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO

from dlt_pipelines.live.rows import Row, Stored

LIMIT_BYTES = 64 << 20
"""Limit of a venue's batches; above it the oldest quotes are dropped first, then the oldest bars."""


@dataclass(slots=True)
class Batch:
    """Rows of one table and venue on disk."""

    path: Path
    table: str
    venue: str
    quotes: bool
    size: int
    rows: int
    stored: tuple[Stored, ...] = ()


@dataclass(slots=True)
class Spool:
    """The folder of this reader. Not thread-safe."""

    root: Path
    limit_bytes: int = LIMIT_BYTES
    batches: list[Batch] = field(default_factory=list)
    folder: Path = field(init=False)
    _lock: IO[str] = field(init=False)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def open(self) -> int:
        """Create the folder and take over the batches of dead readers; returns their number."""
        self.root.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex[:12]
        # One start at a time: another must not take a lock between its creation and its being held.
        with (self.root / "starting").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._lock = (self.root / f"{name}.lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self.folder = self.root / name
            self.folder.mkdir()
            for lock in self.root.glob("*.lock"):
                if lock.stem != name:
                    self._take_over(lock)
        return len(self.batches)

    def _take_over(self, lock: Path) -> None:
        with lock.open("r+") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            folder = self.root / lock.stem
            for path in sorted(folder.glob("*.jsonl")):
                self._adopt(path)
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)

    def _adopt(self, path: Path) -> None:
        _, table, venue, kind = path.stem.split("+")
        lines = path.read_bytes()
        if not lines.endswith(b"\n"):
            # The write was interrupted: an incomplete line was never acknowledged.
            lines = lines[: lines.rfind(b"\n") + 1]
        if lines:
            self._put(table, venue, kind == "quotes", lines, ())
        path.unlink()

    def write(self, rows: Sequence[Row]) -> Batch:
        """Write rows of one table and venue, and sync them to disk."""
        first = rows[0]
        lines = b"".join(row.line + b"\n" for row in rows)
        stored = tuple(row.stored for row in rows if row.stored is not None)
        return self._put(first.table, first.venue, first.quotes, lines, stored)

    def _put(self, table: str, venue: str, quotes: bool, lines: bytes, stored: tuple[Stored, ...]) -> Batch:
        kind = "quotes" if quotes else "rows"
        path = self.folder / f"{next(self._numbers):012d}+{table}+{venue}+{kind}.jsonl"
        unfinished = path.with_suffix(".part")
        try:
            with unfinished.open("wb") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        batch = Batch(path, table, venue, quotes, len(lines), lines.count(b"\n"), stored)
        self.batches.append(batch)
        return batch

    def take(self, table: str, most_bytes: int = 4 << 20) -> list[Batch]:
        """The oldest batches of a table, at least one if there is any."""
        found: list[Batch] = []
        size = 0
        for batch in self.batches:
            if batch.table == table and (not found or size + batch.size <= most_bytes):
                found.append(batch)
                size += batch.size
        return found

    def done(self, batches: Sequence[Batch]) -> None:
        """Delete acknowledged batches."""
        for batch in batches:
            batch.path.unlink(missing_ok=True)
            if batch in self.batches:
                self.batches.remove(batch)

    def size(self, venue: str) -> int:
        """Bytes of a venue's batches."""
        return sum(batch.size for batch in self.batches if batch.venue == venue)

    def shed(self, venue: str) -> list[Batch]:
        """Drop batches of a venue above the limit: quotes first, then bars, oldest first. Returns them.

        The newest bars stay, even if they alone exceed the limit: they may be a response with many minutes that
        replaces dropped bars, and dropping it would only repeat the request.
        """
        over = self.size(venue) - self.limit_bytes
        of_market = [one for one in self.batches if one.venue == venue and one.table.startswith("raw.")]
        bars = [one for one in of_market if not one.quotes]
        dropped: list[Batch] = []
        for batch in [one for one in of_market if one.quotes] + bars[:-1]:
            if over <= 0:
                break
            dropped.append(batch)
            over -= batch.size
        self.done(dropped)
        return dropped

    def close(self) -> None:
        """Release the folder; remaining batches stay for the next reader."""
        if not self.batches:
            shutil.rmtree(self.folder, ignore_errors=True)
            Path(self._lock.name).unlink(missing_ok=True)
        self._lock.close()
