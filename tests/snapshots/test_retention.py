"""Retention drops what is old, named by the schedule, unprotected and not the newest; nothing else."""

from datetime import UTC, datetime
from typing import Any

from mdw.publishing.retention import expired
from warehouse.snapshots import PublishedSnapshot

CUT = datetime(2026, 1, 10, tzinfo=UTC)


def snapshot(name: str, version: int, day: int, protected: bool = False) -> PublishedSnapshot:
    facts: dict[str, Any] = {"snapshot_id": name, "data_version": version, "published_at": datetime(2026, 1, day)}  # noqa: DTZ001
    rest: dict[str, Any] = dict.fromkeys(REST)
    return PublishedSnapshot(**rest, **facts, protected=protected)


REST = PublishedSnapshot.__dataclass_fields__.keys() - {"snapshot_id", "data_version", "published_at", "protected"}


def test_what_goes():
    known = [
        snapshot("auto-5", 5, 12),
        snapshot("auto-4", 4, 11),
        snapshot("auto-3", 3, 5, protected=True),
        snapshot("paper-2026", 2, 4),
        snapshot("auto-1", 1, 3),
    ]
    assert expired(known, "auto-", CUT) == ["auto-1"]


def test_the_newest_stays_however_old():
    assert expired([snapshot("auto-1", 1, 3)], "auto-", CUT) == []
    assert expired([], "auto-", CUT) == []
