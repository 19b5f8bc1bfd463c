"""The content of the report as plain values: queries fill it, charts and the page read it."""

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
# Classes of bars that should exist and do not: a fetch can repair only the first of these.
TO_FETCH = "not_fetched"
NOT_FETCHABLE = ("venue_outage", "halted", "quarantined")
_NOT_EXPECTED = ("before_listing", "after_delisting")


# Matches numbers, dates, times and names of series in a sentence.
_FIGURES = re.compile(r"[a-z0-9_]+:(?:spot|perp):\S+|\d[\d.,:TZ%e+-]*")


class DayState(IntEnum):
    """Condition of one series on one UTC day; a greater number is worse. Withheld bars count like those that the venue
    lacks: a fetch cannot repair them.
    """

    NOT_EXPECTED = 0
    COMPLETE = 1
    VENUE_PART = 2
    VENUE_ALL = 3
    OURS_PART = 4
    OURS_ALL = 5


@dataclass(frozen=True)
class PublishedSnapshot:
    """Identity of the snapshot that the report describes. `datasets` is (name, rows, content hash).

    `withdrawn` is the reason why it is known to be bad; None if it is not.
    """

    snapshot_id: str
    data_version: int
    published_at: datetime
    code_revision: str
    note: str
    datasets: tuple[tuple[str, int, str], ...]
    withdrawn: str | None = None


@dataclass(frozen=True)
class Coverage:
    """Bars of each series by UTC day, starting at first_day.

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
    """Changes by one build, or by the builds of one UTC day: new bars, and bars that replaced others."""

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
    """Age of the newest record of a series at the report's time; None if the snapshot has no record of it."""

    dataset: str
    label: str
    newest: datetime | None
    age_seconds: float | None
    allowed_seconds: float

    @property
    def overdue(self) -> float:
        """Age as a multiple of what the schedule allows; infinite if there is no record."""
        return float("inf") if self.age_seconds is None else self.age_seconds / self.allowed_seconds

    @property
    def late(self) -> bool:
        """Whether the series is stale."""
        return self.overdue > 1


@dataclass(frozen=True)
class Finding:
    """One finding of an audit."""

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
    """Findings of one audit that are the same for several series; `number` is the index of the first in Audits."""

    number: int
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The representative finding."""
        return self.findings[0]

    @property
    def rows(self) -> int:
        """Total number of rows."""
        return sum(finding.rows for finding in self.findings)

    @property
    def since(self) -> datetime | None:
        """When the first of them was first seen."""
        return min((finding.since for finding in self.findings if finding.since), default=None)


@dataclass(frozen=True)
class Audits:
    """Findings, worst first; the number of audits that passed; and where the results come from.

    `run`: the build, or the audit run after it, that they belong to; None if they come from dbt's artifacts.
    """

    findings: tuple[Finding, ...] = ()
    passed: int = 0
    origin: str = ""
    run: int | None = None

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """Findings grouped: those that differ only in series and numbers are one cause."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for number, finding in enumerate(self.findings):
            key = (finding.severity, finding.audit, _FIGURES.sub("#", finding.detail))
            found.setdefault(key, []).append(number)
        return tuple(Cause(places[0], tuple(self.findings[at] for at in places)) for places in found.values())

    def count(self, severity: str) -> int:
        """Number of causes of one severity."""
        return sum(cause.first.severity == severity for cause in self.causes)


@dataclass(frozen=True)
class Extent:
    """What the snapshot has of a series other than bars; `missing` is None if it is unknown what is due."""

    dataset: str
    label: str
    rows: int
    first: datetime | None
    last: datetime | None
    missing: int | None
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Everything on the page. `replayed`: the time is that of a replayed market."""

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
        """Whether the errors concern unpublished rows, which no reader sees."""
        if self.snapshot is None or self.audits.run is None:
            return False
        return self.audits.run > self.snapshot.data_version and self.audits.count("error") > 0

    def missing(self, *kinds: str) -> int:
        """Missing bars of these gap classes."""
        return sum(total.missing for total in self.gaps if total.kind in kinds)


def day_states(
    bars: NDArray[np.uint32], missing: dict[str, NDArray[np.uint32]], wanted: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Day states from bars and missing bars by class, all [series, day]; `wanted`: the day is in the wanted history."""
    ours = missing[TO_FETCH] > 0
    venue = sum((missing[kind] for kind in NOT_FETCHABLE), np.zeros_like(bars)) > 0
    none = bars == 0
    states = np.full(bars.shape, DayState.COMPLETE, np.uint8)
    states[venue] = DayState.VENUE_PART
    states[venue & none] = DayState.VENUE_ALL
    states[ours] = DayState.OURS_PART
    states[ours & none] = DayState.OURS_ALL
    unexpected = sum((missing[kind] for kind in _NOT_EXPECTED), np.zeros_like(bars)) > 0
    states[none & ~ours & ~venue & (unexpected | ~wanted)] = DayState.NOT_EXPECTED
    return states
