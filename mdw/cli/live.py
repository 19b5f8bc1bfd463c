"""live: closed bars and quotes from the venues' WebSockets, as they arrive."""

from pathlib import Path
from typing import Annotated

import typer

from mdw.cli.options import Json
from warehouse.errors import BadInput
from warehouse.settings import Settings

Many = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(live)


def live(
    venue: Annotated[
        Many, typer.Option(help="such as binance; repeatable; default: every venue with a live feed")
    ] = None,
    market: Annotated[Many, typer.Option(help="spot or perp; repeatable")] = None,
    symbol: Annotated[Many, typer.Option(help="such as BTC/USDT; repeatable; default: all of the universe")] = None,
    quotes: Annotated[bool, typer.Option("--quotes/--no-quotes", help="best bid and ask, by the second")] = True,
    probe: Annotated[
        str | None, typer.Option(help="measure the feeds for this long, such as 30m, write a report, and stop")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="file for the probe's report; default: live-probe-<time>.md in MDW_HOME/reports")
    ] = None,
    json: Json = False,
) -> None:
    """Follow closed 1m bars and best bid/ask by WebSocket, until interrupted. `mdw update` still lands every minute."""
    # dlt, ccxt and pandas are not imported, to keep the reader small.
    from dlt_pipelines.live.reader import followed
    from dlt_pipelines.planning.selection import Selection, select_among
    from dlt_pipelines.planning.universe import load
    from mdw.live.running import parse_duration, run, run_probe

    settings = Settings.load()
    chosen = Selection(venues=tuple(venue or ()), markets=tuple(market or ()), symbols=tuple(symbol or ()))
    fed = [one for place in followed(load(settings.universe).series()).values() for one in place]
    series = select_among(fed, chosen, "among the 1m bars of the universe that have a live feed") if fed else []
    if report is not None and probe is None:
        raise BadInput("--report is the file of a probe: give --probe 30m as well.")
    if probe is not None:
        raise typer.Exit(run_probe(settings, series, parse_duration(probe), report))
    raise typer.Exit(run(settings, series, quotes=quotes, as_json=json))
