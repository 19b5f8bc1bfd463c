"""Repair what is ours: ask again for bars that were never fetched."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from mdw.audit.findings import AuditRun, Finding
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dlt_pipelines.plan import Plan
    from dlt_pipelines.series import Series


def holes(run: AuditRun) -> tuple[list[Finding], list[Finding]]:
    """(holes inside the history that has landed, ranges before it that were never backfilled)."""
    ours = [f for f in run.of("warn", "error") if f.audit == "bars_missing" and f.detail == "not_fetched"]
    starts = _first_gaps(run)
    inside = [f for f in ours if f.range_start != starts.get(f.series)]
    return inside, [f for f in ours if f not in inside]


def _first_gaps(run: AuditRun) -> dict[str, datetime | None]:
    """Where the wanted history of each series begins, if bars are missing from there on."""
    found: dict[str, datetime | None] = {}
    for finding in run.findings:
        if finding.audit == "bars_missing" and finding.range_start is not None:
            known = found.get(finding.series)
            found[finding.series] = min(known, finding.range_start) if known else finding.range_start
    return found


def plan(settings: Settings, missing: Iterable[Finding]) -> "Plan":
    """What to ask for: the ledger knows which windows of each range are not covered."""
    from dlt_pipelines import backfill
    from dlt_pipelines.timeframes import to_ms

    spans: dict[Series, tuple[int, int | None]] = {}
    for finding in missing:
        assert finding.range_start is not None
        assert finding.range_end is not None
        start, end = to_ms(finding.range_start), to_ms(finding.range_end)
        series = _series(finding)
        if series in spans:
            start, end = min(start, spans[series][0]), max(end, spans[series][1] or end)
        spans[series] = (start, end)
    return backfill.make_plan(settings, spans, refetch=False, pace=1.0)


def _series(finding: Finding) -> "Series":
    from dlt_pipelines.series import Series

    venue, market, symbol = finding.instrument_id.split(":", 2)
    return Series("bars", venue, market, symbol, finding.timeframe)
