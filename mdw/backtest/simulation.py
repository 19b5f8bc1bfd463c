"""The simulation with `bt`: daily valuation, orders at the target weights, all costs paid in cash."""

from dataclasses import dataclass

import bt
import pandas as pd

from mdw.backtest.market import Market
from mdw.backtest.parameters import Parameters
from mdw.backtest.strategy import EXECUTION_DELAY

_BASIS_POINT = 1e-4


@dataclass(frozen=True)
class Simulation:
    """The outcome by valuation time (UTC).

    `equity` in quote units; `weights` held after that time's orders, fractions of equity; `trades` one row per
    fill: time, instrument_id, quantity (negative sells), price (before slippage), commission, slippage in
    quote units; `funding` received (negative: paid). `skipped`: days without a price for every instrument,
    at which nothing was valued or traded.
    """

    equity: pd.Series
    weights: pd.DataFrame
    trades: pd.DataFrame
    funding: pd.Series
    skipped: list[pd.Timestamp]


class _PayFunding(bt.Algo):  # type: ignore[misc]
    """Credits or debits the funding of each interval on the position held through it."""

    def __init__(self, per_unit: pd.DataFrame):
        super().__init__()
        self.per_unit = per_unit
        self.received: dict[pd.Timestamp, float] = {}

    def __call__(self, target: bt.Strategy) -> bool:
        if target.now in self.per_unit.index:
            owed = self.per_unit.loc[target.now]
            amount = -sum(child.position * owed[name] for name, child in sorted(target.children.items()))
            self.received[target.now] = amount
            target.adjust(amount, flow=False)
        return True


def simulate(market: Market, weights: pd.DataFrame, parameters: Parameters) -> Simulation:
    """Simulate the target weights, each filled one hour after its decision."""
    fills, skipped = _fill_prices(market, weights)
    orders = weights.set_axis(weights.index + EXECUTION_DELAY)
    funding = _PayFunding(_funding_per_unit(market, pd.DatetimeIndex(fills.index)))
    strategy = bt.Strategy("momentum", [funding, bt.algos.WeighTarget(orders), bt.algos.Rebalance()])
    rate = parameters.commission_bps * _BASIS_POINT
    test = bt.Backtest(
        strategy,
        fills,
        initial_capital=parameters.capital,
        commissions=lambda quantity, price: abs(quantity) * price * rate,
        integer_positions=False,
        progress_bar=False,
        additional_data={"bidoffer": fills * (2 * parameters.slippage_bps * _BASIS_POINT)},
    )
    test.run()
    # bt runs a copy of the strategy: the recorded funding is in the copy.
    received = test.strategy.stack.algos[0].received
    return Simulation(
        equity=test.strategy.values.loc[fills.index].rename("equity"),
        weights=_held(test, fills),
        trades=_trades(test, fills, rate, parameters.slippage_bps * _BASIS_POINT),
        funding=pd.Series(received, dtype=float).reindex(fills.index, fill_value=0.0).rename("funding"),
        skipped=skipped,
    )


def _fill_prices(market: Market, weights: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.Timestamp]]:
    first = weights.index[0] + EXECUTION_DELAY
    times = pd.date_range(first, market.prices.index[-1], freq="D", unit="ms")
    prices = market.prices.reindex(times)
    whole = prices.notna().all(axis="columns")
    return prices[whole], list(times[~whole])


def _funding_per_unit(market: Market, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Quote units paid or received by one unit held from the previous time to this one.

    Funding is paid during gaps in the bars too: there on the last known price, however old.
    """
    if market.funding is None:
        return pd.DataFrame(0.0, index=times[:0], columns=market.prices.columns)
    owed = market.funding * market.prices.ffill().reindex(market.funding.index, method="ffill")
    paid_at = times[times.searchsorted(owed.index).clip(max=len(times) - 1)]
    inside = (owed.index > times[0]) & (owed.index <= times[-1])
    return owed[inside].fillna(0.0).groupby(paid_at[inside]).sum()


def _positions(test: bt.Backtest, fills: pd.DataFrame) -> pd.DataFrame:
    held: pd.DataFrame = test.strategy.positions
    if held.empty:  # a run that never bought anything
        return pd.DataFrame(0.0, index=fills.index, columns=fills.columns)
    return held.reindex(columns=fills.columns).loc[fills.index].fillna(0.0)


def _held(test: bt.Backtest, fills: pd.DataFrame) -> pd.DataFrame:
    return (_positions(test, fills) * fills).div(test.strategy.values.loc[fills.index], axis="index")


def _trades(test: bt.Backtest, fills: pd.DataFrame, commission: float, slippage: float) -> pd.DataFrame:
    held = _positions(test, fills)
    quantity = held.diff()
    quantity.iloc[0] = held.iloc[0]
    rows = [
        (time, name, amount, fills.at[time, name])
        for time, row in quantity.iterrows()
        for name, amount in row.items()
        if amount != 0
    ]
    trades = pd.DataFrame(rows, columns=["time", "instrument_id", "quantity", "price"])
    value = trades["quantity"].abs() * trades["price"]
    return trades.assign(commission=value * commission, slippage=value * slippage)
