"""`python -m dlt_pipelines.live.health`: exit 0 while the reader of this MDW_HOME is at work, 1 where it is not.

At work: it wrote its sign of life within a minute. Whether the venues answer is no matter of the process's health: a
restart would not mend it, and the alerts say so.
"""

import sys
import time
from pathlib import Path

from warehouse.settings import Settings

_OLDEST_SECONDS = 60.0


def sign_of_life(home: Path) -> Path:
    """The file that a reader touches every few seconds."""
    return home / "live" / "alive"


def main() -> int:
    """Look at the file."""
    path = sign_of_life(Settings.load().home)
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        sys.stderr.write(f"no reader has run here: {path} is not there\n")
        return 1
    if age > _OLDEST_SECONDS:
        sys.stderr.write(f"the reader gave no sign of life for {age:.0f} s\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
