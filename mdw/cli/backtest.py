"""backtest: a strategy on pinned data."""

from pathlib import Path
from typing import Annotated

import typer

from mdw.cli.options import Json, parse_time
from mdw.console.output import out, print_json, table
from warehouse.settings import Settings
from warehouse.snapshot_ids import check_snapshot_id


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    snapshot_id: Annotated[str, typer.Option("--snapshot-id", help="the pin to read")],
    venue: Annotated[str, typer.Option()] = "binance",
    market: Annotated[str, typer.Option(help="spot or perp")] = "spot",
    symbol: Annotated[list[str] | None, typer.Option(help="repeatable; else BTC, ETH, SOL, XRP against USDT")] = None,
    timeframe: Annotated[str, typer.Option()] = "1h",
    start: Annotated[str | None, typer.Option(help="inclusive, ISO 8601 with zone")] = None,
    end: Annotated[str | None, typer.Option(help="exclusive, ISO 8601 with zone")] = None,
    lookback_days: Annotated[int, typer.Option()] = 14,
    volatility_days: Annotated[int, typer.Option()] = 14,
    rebalance_days: Annotated[int, typer.Option()] = 7,
    commission_bps: Annotated[float, typer.Option(help="of traded value")] = 10.0,
    slippage_bps: Annotated[float, typer.Option(help="of traded value")] = 5.0,
    short: Annotated[bool, typer.Option("--short", help="allow short positions (perp only)")] = False,
    funding: Annotated[bool, typer.Option(help="perp positions pay and earn funding")] = True,
    greed_limit: Annotated[int | None, typer.Option(help="hold less when Fear & Greed is at or above")] = None,
    capital: Annotated[float, typer.Option(help="quote units at the start")] = 1_000_000.0,
    folder: Annotated[Path | None, typer.Option("--out", help="else MDW_HOME/reports/backtest-<id>")] = None,
    against: Annotated[Path | None, typer.Option(help="an earlier result.json: exit 1 where this run differs")] = None,
    json: Json = False,
) -> None:
    """Momentum with volatility targeting on pinned bars: the same pin always gives the same result and digests."""
    # The numeric libraries take seconds to import: only this command should wait for them.
    from mdw.backtest import Parameters, Result, pinned

    settings = Settings.load()
    where = folder or settings.home / "reports" / f"backtest-{check_snapshot_id(snapshot_id)}"
    earlier = Result.read(against) if against else None
    parameters = Parameters(
        venue=venue,
        market=market,
        symbols=tuple(symbol) if symbol else Parameters.symbols,
        timeframe=timeframe,
        start=parse_time("--start", start) if start else None,
        end=parse_time("--end", end) if end else None,
        lookback_days=lookback_days,
        volatility_days=volatility_days,
        rebalance_days=rebalance_days,
        commission_bps=commission_bps,
        slippage_bps=slippage_bps,
        short=short,
        funding=funding,
        greed_limit=greed_limit,
        capital=capital,
    )
    result = pinned.run_once(settings, snapshot_id, where, parameters)
    differences = result.differences(earlier) if earlier else []
    if json:
        print_json({"folder": where, "differences": differences, **vars(result)})
    else:
        table(("metric", "value"), list(result.metrics.items()), title=f"Backtest on snapshot {snapshot_id}")
        out.print(f"trades digest {result.trades_digest}\nFiles: {where}", soft_wrap=True)
        if earlier:
            same = "Equal to" if not differences else "Different from"
            out.print(f"{same} {against}. {'; '.join(differences)}", soft_wrap=True)
    raise typer.Exit(1 if differences else 0)
