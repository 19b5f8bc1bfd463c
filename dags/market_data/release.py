"""Imports from the release's own code when a DAG file is parsed: venues, default schedules, names of snapshots.

These modules need only the standard library (tests/dags/test_pieces.py), so that Airflow's environment can import
them. The release is in MDW_PROJECT, which infra/mwaa/startup.sh sets; else it is this checkout.
"""

import os
import sys
from pathlib import Path

_PROJECT = os.environ.get("MDW_PROJECT") or str(Path(__file__).resolve().parents[2])
if _PROJECT not in sys.path:
    # Last, so that none of our packages can shadow one of Airflow's.
    sys.path.append(_PROJECT)

from dlt_pipelines.core import schedules  # noqa: E402
from dlt_pipelines.core.archive_periods import DAY_MS  # noqa: E402
from dlt_pipelines.venues import ARCHIVES, serving  # noqa: E402
from warehouse.snapshot_ids import SNAPSHOT_ID  # noqa: E402

__all__ = ["SNAPSHOT_ID", "archive_delays", "schedules", "serving"]


def archive_delays() -> dict[str, int]:
    """Whole days from the end of a day until its archive file is published, for every venue that has an archive."""
    return {venue: archive.published("daily", 0) // DAY_MS for venue, archive in ARCHIVES.items()}
