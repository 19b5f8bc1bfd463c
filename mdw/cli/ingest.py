"""backfill and update: land what is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from mdw.cli.options import Json, parse_window
from mdw.console.output import print_json
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dlt_pipelines.planning.plan import Plan
    from dlt_pipelines.planning.selection import Selection

Many = list[str] | None
Dataset = Annotated[Many, typer.Option(help="bars, funding, instruments or fear_greed; repeatable")]
Venue = Annotated[Many, typer.Option(help="such as binance; repeatable")]
Market = Annotated[Many, typer.Option(help="spot or perp; repeatable")]
Symbol = Annotated[Many, typer.Option(help="such as BTC/USDT; repeatable")]
Timeframe = Annotated[Many, typer.Option(help="such as 1m; repeatable")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backfill)
    app.command()(update)


def _selection(dataset: Many, venue: Many, market: Many, symbol: Many, timeframe: Many) -> "Selection":
    from dlt_pipelines.planning.selection import Selection

    return Selection(*(tuple(values or ()) for values in (dataset, venue, market, symbol, timeframe)))


def backfill(
    dataset: Dataset = None,
    venue: Venue = None,
    market: Market = None,
    symbol: Symbol = None,
    timeframe: Timeframe = None,
    start: Annotated[str | None, typer.Option(help="inclusive, ISO 8601 with zone; else history.start")] = None,
    end: Annotated[str | None, typer.Option(help="exclusive, ISO 8601 with zone; else now")] = None,
    lane: Annotated[str, typer.Option(help="auto (the fastest for each window), rest or archive")] = "auto",
    refetch: Annotated[bool, typer.Option(help="fetch covered windows again")] = False,
    recheck: Annotated[bool, typer.Option(help="land archive files again that the venue has replaced")] = False,
    recheck_claims: Annotated[
        bool, typer.Option(help="find windows that older versions recorded without proof, and fetch them again")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and stop")] = False,
    json: Json = False,
) -> None:
    """Land history: fetches only windows that are not covered, and continues where it was stopped."""
    # dlt and ccxt take a second to import: commands that do not land should not wait for them.
    from dlt_pipelines import backfill as backfilling
    from dlt_pipelines.planning.lane_choice import parse_lane
    from dlt_pipelines.planning.universe import load
    from mdw.console.landing_view import print_plan

    settings = Settings.load()
    universe = load(settings.universe)
    if recheck_claims and (refetch or recheck):
        raise BadInput("--recheck-claims plans its own windows: leave out --refetch and --recheck.")
    window = parse_window(settings, start, end, universe.history.start)
    selection = _selection(dataset, venue, market, symbol, timeframe)
    connect(settings, "ingest").close()
    plan = backfilling.plan(
        settings,
        universe,
        selection,
        *window,
        refetch=refetch,
        lane=parse_lane(lane),
        recheck=recheck,
        recheck_claims=recheck_claims,
        dry_run=dry_run,
    )
    if dry_run:
        print_plan(plan, json)
    else:
        _land(plan, json)


def update(
    dataset: Dataset = None,
    venue: Venue = None,
    market: Market = None,
    symbol: Symbol = None,
    timeframe: Timeframe = None,
    json: Json = False,
) -> None:
    """Bring every series up to its last closed bar, and fill holes. Safe at any time, even twice concurrently."""
    from dlt_pipelines import update as updating
    from dlt_pipelines.planning.universe import load

    settings = Settings.load()
    universe = load(settings.universe)
    connect(settings, "ingest").close()
    _land(updating.plan(settings, universe, _selection(dataset, venue, market, symbol, timeframe)), json)


def _land(plan: "Plan", json: bool) -> None:
    from dlt_pipelines import backfill as backfilling
    from mdw.console.landing_view import print_report, progress, report_as_dict

    with progress(plan) as watcher:
        report = backfilling.run(plan, watcher)
    if json:
        print_json(report_as_dict(report))
    else:
        print_report(report)
    raise typer.Exit(0 if report.complete else 1)
