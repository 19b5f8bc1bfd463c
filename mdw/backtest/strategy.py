"""Target weights: time-series momentum scaled to a volatility target (Moskowitz, Ooi, Pedersen 2012)."""

import numpy as np
import pandas as pd

from mdw.backtest.market import Market
from mdw.backtest.parameters import Parameters

_HOURS_PER_YEAR = 24 * 365
# An order cannot be filled at the price that triggered it: it is filled at the next hour's close.
EXECUTION_DELAY = pd.Timedelta(hours=1)
_MONDAY = pd.Timestamp("1970-01-05", tz="UTC")


def decisions(market: Market, parameters: Parameters) -> pd.DatetimeIndex:
    """Midnights at which weights are decided: Mondays when rebalancing weekly, once the lookback has passed."""
    warm = market.start + pd.Timedelta(days=max(parameters.lookback_days, parameters.volatility_days))
    days = pd.date_range(warm.ceil("D"), market.end - EXECUTION_DELAY, freq="D", unit="ms")
    return days[(days - _MONDAY).days % parameters.rebalance_days == 0]


def weights(market: Market, parameters: Parameters) -> pd.DataFrame:
    """One row per decision, one column per instrument, fractions of equity; uses nothing later than its row."""
    rows = {day: _weights_at(day, market, parameters) for day in decisions(market, parameters)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(parameters.instruments))


def _weights_at(day: pd.Timestamp, market: Market, parameters: Parameters) -> pd.Series:
    momentum = _prices(market, day) / _prices(market, day - pd.Timedelta(days=parameters.lookback_days)) - 1
    direction = pd.Series(np.sign(momentum)) if parameters.short else (momentum > 0).astype(float)
    best = momentum.abs() if parameters.short else momentum
    chosen = best.rank(ascending=False, method="first") <= parameters.top
    scale = parameters.target_volatility / volatility(day, market, parameters) / parameters.top
    wanted: pd.Series = (
        (direction * scale.clip(upper=parameters.max_weight)).where(chosen & momentum.notna(), 0.0).fillna(0.0)
    )
    gross = wanted.abs().sum()
    wanted = wanted * min(1.0, parameters.max_gross / gross) if gross else wanted
    return wanted * greed_scale(day, market, parameters)


def volatility(day: pd.Timestamp, market: Market, parameters: Parameters) -> pd.Series:
    """Annualised standard deviation of hourly log returns of the days before; NaN with under half of them."""
    window = market.prices.loc[day - pd.Timedelta(days=parameters.volatility_days) : day]
    returns = window.apply(np.log).diff()
    enough = returns.count() >= len(returns) / 2
    return pd.Series(returns.std().where(enough) * _HOURS_PER_YEAR**0.5)


def greed_scale(day: pd.Timestamp, market: Market, parameters: Parameters) -> float:
    """`greed_scale` where the index of the day before was above `greed_limit`, else 1.

    A value up to three days older replaces an absent one; without any the filter is off.
    """
    if market.fear_greed is None or parameters.greed_limit is None:
        return 1.0
    known = market.fear_greed.loc[day - pd.Timedelta(days=4) : day - pd.Timedelta(days=1)]
    return parameters.greed_scale if len(known) and known.iloc[-1] > parameters.greed_limit else 1.0


def _prices(market: Market, time: pd.Timestamp) -> pd.Series:
    row = market.prices.loc[time]
    assert isinstance(row, pd.Series)
    return row
