"""One limit for all runs of a warehouse: how many of them ask a venue now, and until when it has banned us.

Every run holds a lock file a budget in MDW_HOME/limits/<venue>; a lock ends with its process, however that ends.
Runs look once a second and divide the limit by their number; a newcomer waits until the others must have seen it.
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
    """This run's part of one limit of a venue."""

    def __init__(self, home: Path, venue: str, budget: str) -> None:
        self._folder = home / "limits" / venue / budget.replace(" ", "-")
        self._own = self._folder / f"{uuid.uuid4().hex}.run"
        self._held: IO[str] | None = None
        self._looked = 0.0
        self._runs = 1

    def enter(self) -> int:
        """Be counted; the number of runs, this one included."""
        if self._held is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._held = self._own.open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return self.runs()

    def runs(self) -> int:
        """The number of runs that use this limit, at most a second old."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._runs = 1 + sum(_is_held(path) for path in self._folder.glob("*.run") if path != self._own)
        return self._runs

    def leave(self) -> None:
        """Be counted no more."""
        if self._held is not None:
            self._own.unlink(missing_ok=True)
            self._held.close()
            self._held = None


class Ban:
    """What a run of this warehouse knows of a venue's ban of this address."""

    def __init__(self, home: Path, venue: str) -> None:
        self.file = home / "limits" / venue / "banned_until"

    def until(self) -> datetime | None:
        """The end of a ban that is not over yet, UTC."""
        try:
            until = datetime.fromisoformat(self.file.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            return None
        return until if until > datetime.now(UTC) else None

    def remember(self, until: datetime) -> None:
        """Let later runs know of it."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(until.isoformat(), encoding="utf-8")


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            # A file that is just being taken is young: only old ones are cleared away.
            if time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS:
                path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
