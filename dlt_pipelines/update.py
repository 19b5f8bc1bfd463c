"""Lands everything that is due: every series up to its last closed bar. `mdw update` and the DAGs call this."""

from dataclasses import replace

from dlt_pipelines import backfill
from dlt_pipelines.core.progress import LandingReport, Progress
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.planning import coverage
from dlt_pipelines.planning.outage_retries import outage_requests
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.selection import Selection, select
from dlt_pipelines.planning.universe import Universe
from warehouse.client import connect
from warehouse.settings import Settings


def plan(
    settings: Settings,
    universe: Universe,
    selection: Selection | None = None,
    force: bool = False,
    pace: float | None = 1.0,
) -> Plan:
    """Plan what is due. A series starts where its landed history starts, a new one where the universe says.

    Windows in which a venue had no bars are requested again on a widening schedule (planning/outage_retries.py).
    Listings (instruments, Fear & Greed) are due once a day; `force` requests them now.
    """
    series = select(universe, selection or Selection())
    with connect(settings, "ingest") as client:
        done = coverage.covered(client, series)
        again = outage_requests(client, series, to_ms(settings.clock()))
    history = to_ms(universe.history.start)
    spans = {one: (done[one][0][0] if done.get(one) else history, None) for one in series}
    missing = backfill.make_plan(settings, spans, refetch=False, pace=pace, force_listings=force, lane="auto")
    if not again:
        return missing
    notice = f"{len(again)} windows in which a venue had no bars are requested again."
    return replace(missing, requests=[*missing.requests, *again], notices=[*missing.notices, notice])


def run(
    settings: Settings,
    universe: Universe,
    selection: Selection | None = None,
    progress: Progress | None = None,
    force: bool = False,
    pace: float | None = 1.0,
) -> LandingReport:
    """Plan and land what is due. Safe at any time, even twice concurrently: landings only append."""
    return backfill.run(plan(settings, universe, selection, force, pace), progress, pace)
