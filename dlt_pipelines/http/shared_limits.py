"""Shares rate limits and bans between all runs of a warehouse.

Every run holds one lock file per budget in MDW_HOME/limits/<venue>; a lock ends with its process, however that ends.
Runs count the locks once a second and divide the limit by their number; a new run waits until the others must have
noticed it.
"""

import fcntl
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

LOOK_SECONDS = 1.0
_FORGOTTEN_SECONDS = 600.0


class LimitShare:
    """This run's share of one limit of a venue."""

    def __init__(self, home: Path, venue: str, budget: str) -> None:
        self._folder = home / "limits" / venue / budget.replace(" ", "-")
        self._own = self._folder / f"{uuid.uuid4().hex}.run"
        self._held: IO[str] | None = None
        self._looked = 0.0
        self._runs = 1

    def enter(self) -> int:
        """Register this run; returns the number of runs, including this one."""
        if self._held is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._held = self._own.open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return self.runs()

    def runs(self) -> int:
        """The number of runs that use this limit, as of at most a second ago."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._runs = 1 + sum(_is_held(path) for path in self._folder.glob("*.run") if path != self._own)
        return self._runs

    def leave(self) -> None:
        """Unregister this run."""
        if self._held is not None:
            self._own.unlink(missing_ok=True)
            self._held.close()
            self._held = None


class Ban:
    """A venue's ban of this address, as recorded by any run of this warehouse."""

    def __init__(self, home: Path, venue: str) -> None:
        self.file = home / "limits" / venue / "banned_until"

    def until(self) -> datetime | None:
        """The end of the current ban (UTC), or None."""
        try:
            until = datetime.fromisoformat(self.file.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            return None
        return until if until > datetime.now(UTC) else None

    def remember(self, until: datetime) -> None:
        """Record the ban for later runs."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(until.isoformat(), encoding="utf-8")


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            # Another run may be about to lock a young file: only old ones are removed.
            if time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS:
                path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
