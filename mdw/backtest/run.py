"""One run, from the pinned snapshot to the files."""

from pathlib import Path
from typing import Any

import pandas as pd

from alphaforge_data import Client
from mdw.backtest import refusals
from mdw.backtest.market import Market, load
from mdw.backtest.metrics import metrics
from mdw.backtest.origin import libraries
from mdw.backtest.parameters import Parameters
from mdw.backtest.plot import plot
from mdw.backtest.result import Result, canonical, digest
from mdw.backtest.simulation import Simulation, simulate
from mdw.backtest.strategy import weights
from mdw.revision import code_revision

_PINNED = ("hash", "rows", "row_count")


def run(client: Client, parameters: Parameters, out: Path) -> Result:
    """Backtest at the client's snapshot; writes result.json, trades.csv, equity.csv and equity.png into `out`.

    Raises BadInput if the parameters need data that the snapshot does not have, and alphaforge_data's errors.
    """
    market = load(client, parameters)
    decided = weights(market, parameters)
    if len(decided) < 2:
        raise refusals.too_few_rebalances(parameters, market.start, market.end, len(decided))
    done = simulate(market, decided, parameters)
    if len(done.equity) < 2 or done.trades.empty:
        raise refusals.no_trades(parameters, len(decided))
    equity = _equity_table(done)
    result = _result(market, done, equity, parameters)
    out.mkdir(parents=True, exist_ok=True)
    (out / "trades.csv").write_text(canonical(done.trades))
    (out / "equity.csv").write_text(canonical(equity))
    plot(result, market, done, out / "equity.png")
    result.write(out / "result.json")
    return result


def _equity_table(done: Simulation) -> pd.DataFrame:
    table = pd.concat([done.equity, done.funding, done.weights.add_prefix("weight ")], axis="columns", sort=False)
    return table.rename_axis("time").reset_index()


def _result(market: Market, done: Simulation, equity: pd.DataFrame, parameters: Parameters) -> Result:
    return Result(
        snapshot_id=market.snapshot.snapshot_id,
        data_version=market.snapshot.data_version,
        content=_content(market),
        parameters=parameters.plain(),
        period={
            "bars_from": market.start.isoformat(),
            "bars_to": market.end.isoformat(),
            "traded_from": done.equity.index[0].isoformat(),
            "traded_to": done.equity.index[-1].isoformat(),
            "days_without_price": [day.isoformat() for day in done.skipped],
        },
        missing_bars=_missing(market),
        metrics=metrics(done, market.prices, parameters.capital),
        trades_digest=digest(done.trades),
        equity_digest=digest(equity),
        code_revision=code_revision(),
        libraries=libraries(),
    )


def _content(market: Market) -> dict[str, Any]:
    """The snapshot's row counts and hashes of all datasets, from the registry."""
    facts = market.snapshot.facts
    return {name: _plain(facts[name]) for name in sorted(facts) if any(word in name for word in _PINNED)}


def _plain(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, tuple) and len(one) == 2 for one in value):
        return {str(key): inner if isinstance(inner, int | float) else str(inner) for key, inner in value}
    return value if isinstance(value, int | float | str | type(None)) else str(value)


def _missing(market: Market) -> dict[str, Any]:
    absent = int(market.missing["missing_bars"].sum())
    ranges = [
        {
            "instrument_id": row["instrument_id"],
            "from": row["gap_start"].isoformat(),
            "to": row["gap_end"].isoformat(),
            "bars": int(row["missing_bars"]),
        }
        for row in market.missing.to_dict("records")
    ]
    return {"present": market.bars, "missing": absent, "ranges": ranges}
