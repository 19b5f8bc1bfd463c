"""Figures of a finished simulation; crypto trades every day, so a year has 365 of them."""

import ffn
import pandas as pd

from mdw.backtest.simulation import Simulation

_DAYS = 365


def metrics(done: Simulation, prices: pd.DataFrame, capital: float) -> dict[str, float | int | None]:
    """Returns and drawdown are fractions; costs and funding are in quote units; turnover: multiples of equity."""
    equity = done.equity
    returns = ffn.to_returns(equity).dropna()
    years = (equity.index[-1] - equity.index[0]) / pd.Timedelta(days=_DAYS)
    traded = (done.trades["quantity"].abs() * done.trades["price"]).sum()
    held = prices.loc[equity.index]
    deviation = float(returns.std())
    return {
        "total_return": float(equity.iloc[-1] / capital - 1),
        "cagr": float((equity.iloc[-1] / capital) ** (1 / years) - 1),
        "volatility": deviation * _DAYS**0.5,
        "sharpe": float(ffn.calc_sharpe(returns, nperiods=_DAYS)) if deviation > 0 else None,
        "max_drawdown": float(ffn.calc_max_drawdown(equity)),
        "turnover_a_year": float(traded / equity.mean() / years),
        "commission": float(done.trades["commission"].sum()),
        "slippage": float(done.trades["slippage"].sum()),
        "funding": float(done.funding.sum()),
        "mean_gross_exposure": float(done.weights.abs().sum(axis="columns").mean()),
        "trades": len(done.trades),
        "days": len(equity),
        "buy_and_hold_return": float((held.iloc[-1] / held.iloc[0]).mean() - 1),
        "final_equity": float(equity.iloc[-1]),
    }
