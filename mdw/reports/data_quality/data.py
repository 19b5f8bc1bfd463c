"""What the report shows, as plain values: queries fill it, charts and the page read it."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from functools import cached_property

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


# Numbers, dates and times in a sentence, and the series that it may name.
_FIGURES = re.compile(r"[a-z0-9_]+:(?:spot|perp):\S+|\d[\d.,:TZ%e+-]*")


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
class PublishedSnapshot:
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
class Cause:
    """Findings of one audit that say the same of several series; `number` is the place of the first in Audits."""

    number: int
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The representative finding."""
        return self.findings[0]

    @property
    def rows(self) -> int:
        """Rows of all."""
        return sum(finding.rows for finding in self.findings)

    @property
    def since(self) -> datetime | None:
        """When the first of them was seen."""
        return min((finding.since for finding in self.findings if finding.since), default=None)


@dataclass(frozen=True)
class Audits:
    """Findings, worst first; how many audits ran and passed; where the results come from.

    `run`: the build, or the audit after it, that they are of; None where they come from dbt's own record.
    """

    findings: tuple[Finding, ...] = ()
    passed: int = 0
    origin: str = ""
    run: int | None = None

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """Findings that differ only in the series and the figures, together."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for number, finding in enumerate(self.findings):
            key = (finding.severity, finding.audit, _FIGURES.sub("#", finding.detail))
            found.setdefault(key, []).append(number)
        return tuple(Cause(places[0], tuple(self.findings[at] for at in places)) for places in found.values())

    def count(self, severity: str) -> int:
        """Causes of one severity."""
        return sum(cause.first.severity == severity for cause in self.causes)


@dataclass(frozen=True)
class Extent:
    """What the snapshot holds of a series other than bars; `missing` is None where it is unknown what is due."""

    dataset: str
    label: str
    rows: int
    first: datetime | None
    last: datetime | None
    missing: int | None
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Everything on the page. `replayed`: the clock is that of a replayed market."""

    made_at: datetime
    replayed: bool
    snapshot: PublishedSnapshot | None
    coverage: Coverage | None = None
    gaps: tuple[GapTotal, ...] = ()
    revisions: tuple[Revision, ...] = ()
    revised_series: tuple[tuple[str, int, str], ...] = ()
    spreads: tuple[Spread, ...] = ()
    spread_bucket: str = "day"
    extents: tuple[Extent, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    audits: Audits = field(default_factory=Audits)

    @property
    def refused(self) -> bool:
        """Whether the errors are of rows that came after the snapshot, and that no reader sees."""
        if self.snapshot is None or self.audits.run is None:
            return False
        return self.audits.run > self.snapshot.data_version and self.audits.count("error") > 0

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
