"""What the report shows, as plain values: queries fill it, charts and the page read it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

GAP_CLASSES = (
    "not_fetched",
    "venue_outage",
    "halted",
    "quarantined",
    "no_trade",
    "before_listing",
    "after_delisting",
)
# Bars that should be there and are not: a fetch repairs the first of these, none of the others.
TO_FETCH = "not_fetched"
BEYOND_A_FETCH = ("venue_outage", "halted", "quarantined")
_NOT_EXPECTED = ("before_listing", "after_delisting")


class DayState(IntEnum):
    """Condition of one series on one UTC day; the worse of two days is the greater number. What people withheld counts
    as what the venue lacks: it is not for a fetch to repair.
    """

    NOT_EXPECTED = 0
    COMPLETE = 1
    VENUE_PART = 2
    VENUE_ALL = 3
    OURS_PART = 4
    OURS_ALL = 5


@dataclass(frozen=True)
class Snapshot:
    """Identity of the snapshot that the report describes. `datasets` is (name, rows, content hash)."""

    snapshot_id: str
    data_version: int
    published_at: datetime
    code_revision: str
    note: str
    datasets: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Coverage:
    """Bars of each series by UTC day, from first_day on.

    bars: uint16 [series, day], bars in the snapshot (capped at 65535); states: uint8 [series, day], a DayState.
    """

    labels: tuple[str, ...]
    first_day: date
    bars: NDArray[np.uint16]
    states: NDArray[np.uint8]


@dataclass(frozen=True)
class Gap:
    """One missing range [start, end) of a series."""

    label: str
    kind: str
    start: datetime
    end: datetime
    missing: int


@dataclass(frozen=True)
class GapTotal:
    """All missing ranges of one class of a series; `longest` holds the longest of them."""

    label: str
    kind: str
    ranges: int
    missing: int
    longest: tuple[Gap, ...]


@dataclass(frozen=True)
class Revision:
    """What one build, or the builds of one UTC day, brought: new bars, and bars that replaced others."""

    name: str
    at: datetime
    new: int
    revised: int


@dataclass(frozen=True)
class Spread:
    """|close / median of the venues - 1| of one venue and symbol, in basis points, by day or week."""

    symbol: str
    venue: str
    days: tuple[date, ...]
    median: NDArray[np.float32]
    worst: NDArray[np.float32]


@dataclass(frozen=True)
class Freshness:
    """Age of the newest record of a series at the report's clock; None where the snapshot holds no record of it."""

    dataset: str
    label: str
    newest: datetime | None
    age_seconds: float | None
    allowed_seconds: float

    @property
    def overdue(self) -> float:
        """Age as a multiple of what the schedule allows; infinite where there is no record."""
        return float("inf") if self.age_seconds is None else self.age_seconds / self.allowed_seconds

    @property
    def late(self) -> bool:
        """Whether the schedule should have brought more."""
        return self.overdue > 1


@dataclass(frozen=True)
class Finding:
    """One result of an audit: what, where, how bad, since when, the rows' SQL and the runbook's name."""

    audit: str
    severity: str
    where: str
    since: datetime | None
    rows: int
    detail: str
    sql: str
    runbook: str


@dataclass(frozen=True)
class Audits:
    """Findings, worst first; how many audits ran and passed; where the results come from."""

    findings: tuple[Finding, ...] = ()
    passed: int = 0
    origin: str = ""

    def count(self, severity: str) -> int:
        """Findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)


@dataclass(frozen=True)
class Report:
    """Everything on the page. `replayed` tells that the clock is that of a replayed market."""

    made_at: datetime
    replayed: bool
    snapshot: Snapshot | None
    coverage: Coverage | None = None
    gaps: tuple[GapTotal, ...] = ()
    revisions: tuple[Revision, ...] = ()
    revised_series: tuple[tuple[str, int, str], ...] = ()
    spreads: tuple[Spread, ...] = ()
    spread_bucket: str = "day"
    freshness: tuple[Freshness, ...] = ()
    audits: Audits = field(default_factory=Audits)

    def missing(self, *kinds: str) -> int:
        """Missing bars of these gap classes."""
        return sum(total.missing for total in self.gaps if total.kind in kinds)


def day_states(
    bars: NDArray[np.uint32], missing: dict[str, NDArray[np.uint32]], asked: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Day states from bars and missing bars by class, all [series, day]; `asked`: the day was asked for."""
    ours = missing[TO_FETCH] > 0
    venue = sum((missing[kind] for kind in BEYOND_A_FETCH), np.zeros_like(bars)) > 0
    none = bars == 0
    states = np.full(bars.shape, DayState.COMPLETE, np.uint8)
    states[venue] = DayState.VENUE_PART
    states[venue & none] = DayState.VENUE_ALL
    states[ours] = DayState.OURS_PART
    states[ours & none] = DayState.OURS_ALL
    unexpected = sum((missing[kind] for kind in _NOT_EXPECTED), np.zeros_like(bars)) > 0
    states[none & ~ours & ~venue & (unexpected | ~asked)] = DayState.NOT_EXPECTED
    return states
