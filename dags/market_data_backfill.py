"""### Market data: backfill
Lands history of a time range, for the parts of the universe chosen in the form; then publishes a snapshot.

One mapped task per series. The recorded coverage makes it resumable: clear what failed, and only what is missing
is fetched. The snapshot is published when every slice has landed.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TaskGroup, chain, task

from market_data import release, universe, wiring
from market_data.operator import MdwOperator

_universe = universe.load()


def _several(field: str, title: str) -> Param:
    values = _universe.named(field)
    return Param(
        values, type="array", title=title, items={"type": "string", "enum": values}, examples=values, uniqueItems=True
    )


def _time(title: str, note: str) -> Param:
    return Param(None, type=["null", "string"], format="date-time", title=title, description=note)


PARAMS = {
    "datasets": _several("dataset", "Datasets"),
    "venues": _several("venue", "Venues"),
    "symbols": _several("symbol", "Symbols"),
    "timeframes": _several("timeframe", "Timeframes of bars"),
    "start": _time("Start (inclusive)", "Empty: history.start of the universe."),
    "end": _time("End (exclusive)", "Empty: the last closed bar."),
    "lane": Param("auto", type="string", enum=["auto", "rest", "archive"], title="Lane"),
    "refetch": Param(False, type="boolean", title="Fetch again what has landed"),
    "snapshot_id": Param(
        None,
        type=["null", "string"],
        pattern=f"^{release.SNAPSHOT_ID.pattern}$",
        title="Snapshot id",
        description="Empty: backfill- and the time of the run.",
    ),
}


@task(retries=0)
def slices(venue: str, params: dict[str, Any]) -> list[list[list[str]]]:
    """The calls of one venue, one per series; none if the form leaves the venue out."""
    if venue not in params["venues"]:
        return []
    options = [f"--{name}={params[name]}" for name in ("start", "end") if params[name]]
    # `auto` is mdw's default.
    options += [f"--lane={params['lane']}"] if params["lane"] != "auto" else []
    options += ["--refetch"] if params["refetch"] else []
    wanted = {name: params[f"{name}s"] for name in ("dataset", "symbol", "timeframe")}
    return [[["backfill", *part.options(), *options, "--json"]] for part in _universe.chosen(venue, wanted)]


DAG_ID = "market_data_backfill"

with wiring.market_data_dag(
    DAG_ID,
    schedule=None,
    late_after=timedelta(hours=24),
    doc=__doc__,
    params=PARAMS,
    # A small worker runs two tasks at once: hours of backfill must leave one slot to the update.
    max_active_tasks=1,
):
    migrate = wiring.migrate()
    landed = []
    for venue in _universe.named("venue"):
        with TaskGroup(venue):
            land = MdwOperator.partial(
                task_id="land",
                role="ingest",
                runbook=wiring.VENUE_RUNBOOK,
                pool=wiring.venue_pool(venue),
                # What a try has landed stays: the next one continues from there.
                execution_timeout=wiring.LONGEST,
                map_index_template="{{ task.title }}",
            )
            parts = slices(venue)
            migrate >> parts
            landed.append(land.expand(calls=parts))
    build = wiring.build(
        f"{{{{ params.snapshot_id or 'backfill-' ~ {wiring.MOMENT}.strftime('%Y%m%dT%H%M%SZ') }}}}",
        "backfill",
        trigger_rule="none_failed_min_one_success",
    )
    chain(landed, build, wiring.all_clear(DAG_ID))
