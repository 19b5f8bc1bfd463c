"""`python -m dlt_pipelines.live.health`: exit code 0 if the reader of this MDW_HOME is working, otherwise 1.

Working means that it touched its heartbeat file within a minute. Whether the venues respond is not part of the
process's health: a restart would not help, and alerts report it.
"""

import sys
import time
from pathlib import Path

from warehouse.settings import Settings

_OLDEST_SECONDS = 60.0


def heartbeat_file(home: Path) -> Path:
    """The file that a reader touches every few seconds."""
    return home / "live" / "alive"


def main() -> int:
    """Check the file."""
    path = heartbeat_file(Settings.load().home)
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        sys.stderr.write(f"no reader has run here: {path} is not there\n")
        return 1
    if age > _OLDEST_SECONDS:
        sys.stderr.write(f"the reader has not touched its heartbeat file for {age:.0f} s\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
