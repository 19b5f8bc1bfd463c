"""Names of snapshots: the allowed pattern, and the default name."""

import re
from datetime import datetime

from warehouse.errors import BadInput

# Those that cannot import this (SDK, dbt) repeat it: tests/test_one_place_each.py compares them.
SNAPSHOT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def new_snapshot_id(moment: datetime) -> str:
    """The default id of a snapshot: its UTC time."""
    return moment.strftime("%Y%m%dT%H%M%S%fZ")[:-4] + "Z"


def check_snapshot_id(text: str) -> str:
    """Return the id; raises BadInput if it is not valid."""
    if not SNAPSHOT_ID.fullmatch(text):
        raise BadInput(
            f"Snapshot id {text!r} is not allowed: 1 to 64 letters, digits, '.', '_' or '-', and a letter or digit "
            "first. Example: 2025-q1-final"
        )
    return text
