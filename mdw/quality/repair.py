"""Repairs what a fetch can repair: requests bars that were never fetched, and unusable rows, again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mdw.quality.findings import AuditRun, Finding
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dlt_pipelines.core.series import Series
    from dlt_pipelines.planning.plan import Plan

# For lanes that disagree: fetch from REST again, and land archive files again that were replaced.
_DISPUTES = ("bars_archive_against_rest", "funding_archive_against_rest")
_UNUSABLE = ("conflicting_rows", "rejected_rows_are_resolved")


def holes(run: AuditRun) -> tuple[list[Finding], list[Finding]]:
    """(holes inside the history that has landed, ranges before it that were never backfilled)."""
    ours = [f for f in run.of("warn", "error") if f.audit == "bars_missing" and f.detail == "not_fetched"]
    starts = _first_gaps(run)
    inside = [f for f in ours if f.range_start != starts.get(f.series)]
    return inside, [f for f in ours if f not in inside]


def unusable(run: AuditRun) -> list[Finding]:
    """Conflicting or unreadable rows, unless withheld, and times for which the lanes disagree."""
    return [f for f in run.of("error") if f.audit in _UNUSABLE] + [f for f in run.of("warn") if f.audit in _DISPUTES]


def _first_gaps(run: AuditRun) -> dict[str, datetime | None]:
    """Start of the wanted history of each series, if bars are missing from there on."""
    found: dict[str, datetime | None] = {}
    for finding in run.findings:
        if finding.audit == "bars_missing" and finding.range_start is not None:
            known = found.get(finding.series)
            found[finding.series] = min(known, finding.range_start) if known else finding.range_start
    return found


def plan(settings: Settings, missing: Iterable[Finding]) -> "Plan":
    """Plan the windows of each range that are not covered."""
    from dlt_pipelines import backfill
    from dlt_pipelines.core.time_grid import to_ms

    spans: dict[Series, tuple[int, int | None]] = {}
    for finding in missing:
        assert finding.range_start is not None
        assert finding.range_end is not None
        start, end = to_ms(finding.range_start), to_ms(finding.range_end)
        series = series_of(finding)
        if series in spans:
            start, end = min(start, spans[series][0]), max(end, spans[series][1] or end)
        spans[series] = (start, end)
    return backfill.make_plan(settings, spans, refetch=False, pace=1.0)


def plan_again(settings: Settings, findings: Sequence[Finding]) -> "Plan":
    """Plan the ranges of these findings again, covered or not. An unknown range is left out, with a notice."""
    from dlt_pipelines import backfill
    from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES, ceil_to, floor_to, to_ms

    windows: list[tuple[Series, int, int]] = []
    disputed: set[Series] = set()
    notices: list[str] = []
    for finding in findings:
        series = series_of(finding)
        if finding.audit in _DISPUTES:
            disputed.add(series)
        if not series.windowed:
            windows.append((series, 0, 0))
        elif finding.range_start is None or finding.range_end is None:
            notices.append(
                f"{finding.audit} of {finding.series}: no time could be read from the rows, so nothing is requested "
                f"again. `mdw backfill --refetch` requests the range of their pages: {finding.runbook}."
            )
        else:
            # Funding times may be some ms off the minute that they are filed under.
            step, margin = TIMEFRAMES.get(series.timeframe, MINUTE_MS), 0 if series.dataset == "bars" else MINUTE_MS
            start, end = to_ms(finding.range_start) - margin, to_ms(finding.range_end) + margin
            windows.append((series, floor_to(start, step), ceil_to(end, step)))
    plan = backfill.make_plan_again(settings, windows, disputed, pace=1.0)
    plan.notices[:0] = notices
    return plan


def series_of(finding: Finding) -> "Series":
    """The series to request; a listing is requested as a whole."""
    from dlt_pipelines.core.series import Series
    from dlt_pipelines.venues import serving

    if finding.dataset == "fear_greed":
        return Series("fear_greed", serving("fear_greed")[0], "")
    venue, market, symbol = finding.instrument_id.split(":", 2)
    if finding.dataset == "instruments":
        return Series("instruments", venue, market)
    return Series(finding.dataset, venue, market, symbol, finding.timeframe)
