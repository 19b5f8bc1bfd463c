"""The plot of a run: equity against buy and hold, drawdown, weights."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mdw.backtest.market import Market
from mdw.backtest.result import Result
from mdw.backtest.simulation import Simulation

_INK, _SOFT, _GRID = "#1b2733", "#6b7885", "#e4e8ec"
_MAIN, _LOSS = "#1f5fa8", "#b23a48"
# Okabe and Ito's palette, which is safe for colour-blind readers.
_SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")


def plot(result: Result, market: Market, done: Simulation, path: Path) -> None:
    """Write a PNG; equal runs write equal bytes."""
    figure = Figure(figsize=(11, 8.2), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.2, 1.6])
    figure.subplots_adjust(left=0.075, right=0.975, top=0.86, bottom=0.075, hspace=0.2)
    _title(figure, result)
    _equity(top, market, done, result)
    _drawdown(middle, done)
    _weights(bottom, done)
    for axes in (top, middle, bottom):
        _style(axes)
        _shade_gaps(axes, market, done)
    locator = AutoDateLocator(minticks=5, maxticks=12)  # type: ignore[no-untyped-call]
    bottom.xaxis.set_major_locator(locator)
    bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    bottom.set_xlim(done.equity.index[0], done.equity.index[-1])
    part = path.with_suffix(".part")
    figure.savefig(part, format="png", metadata={"Software": None})
    part.replace(path)


def _title(figure: Figure, result: Result) -> None:
    parameters, numbers = result.parameters, result.metrics
    figure.text(
        0.075,
        0.955,
        f"Momentum, volatility-scaled · {parameters['venue']} {parameters['market']}",
        fontsize=15,
        weight="bold",
        color=_INK,
    )
    figure.text(
        0.975,
        0.955,
        f"snapshot {result.snapshot_id} · data version {result.data_version}",
        fontsize=9,
        color=_SOFT,
        ha="right",
    )
    sharpe = "none" if numbers["sharpe"] is None else f"{numbers['sharpe']:.2f}"
    facts = [
        f"return {numbers['total_return']:+.1%}",
        f"buy & hold {numbers['buy_and_hold_return']:+.1%}",
        f"Sharpe {sharpe}",
        f"max drawdown {numbers['max_drawdown']:.1%}",
        f"turnover {numbers['turnover_a_year']:.0f}x a year",
        f"{numbers['trades']} trades",
        f"costs {numbers['commission'] + numbers['slippage']:,.0f}",
    ]
    if parameters["market"] == "perp" and parameters["funding"]:
        facts.append(f"funding {numbers['funding']:+,.0f}")
    figure.text(0.075, 0.915, "  ·  ".join(facts), fontsize=9, color=_INK)


def _equity(axes: Axes, market: Market, done: Simulation, result: Result) -> None:
    capital = result.parameters["capital"]
    held = market.prices.loc[done.equity.index]
    axes.axhline(1.0, color=_SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(
        held.index,
        (held / held.iloc[0]).mean(axis="columns"),
        color=_SOFT,
        linewidth=1.2,
        label="buy & hold, equal weights",
    )
    axes.plot(done.equity.index, done.equity / capital, color=_MAIN, linewidth=1.9, label="strategy, after costs")
    axes.set_ylabel("growth of 1")
    _legend(axes)


def _drawdown(axes: Axes, done: Simulation) -> None:
    fall = done.equity / done.equity.cummax() - 1
    axes.fill_between(fall.index, fall, 0.0, color=_LOSS, alpha=0.25, linewidth=0)
    axes.plot(fall.index, fall, color=_LOSS, linewidth=1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("drawdown")


def _weights(axes: Axes, done: Simulation) -> None:
    colours = dict(zip(done.weights.columns, _SERIES * (1 + len(done.weights.columns) // len(_SERIES)), strict=False))
    for part in (done.weights.clip(lower=0), done.weights.clip(upper=0)):
        if not part.any(axis=None):
            continue
        axes.stackplot(
            part.index,
            part.T.to_numpy(),
            step="post",
            colors=[colours[name] for name in part.columns],
            labels=[_short(name) for name in part.columns] if not axes.get_legend_handles_labels()[1] else (),
            alpha=0.85,
            linewidth=0,
        )
    axes.axhline(0.0, color=_SOFT, linewidth=0.8)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("weights")
    _legend(axes)


def _legend(axes: Axes) -> None:
    # Above the axes, where it covers no line.
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.008, 0.985),
        frameon=False,
        fontsize=8.5,
        ncols=8,
        columnspacing=1.4,
        handlelength=1.4,
        labelcolor=_SOFT,
    )


def _short(instrument: str) -> str:
    return instrument.rsplit(":", 1)[1]


def _shade_gaps(axes: Axes, market: Market, done: Simulation) -> None:
    for row in market.missing.to_dict("records"):
        start, end = max(row["gap_start"], done.equity.index[0]), min(row["gap_end"], done.equity.index[-1])
        if end - start >= pd.Timedelta(hours=1):
            axes.axvspan(start, end, color="#f2c14e", alpha=0.35, linewidth=0)


def _style(axes: Axes) -> None:
    axes.grid(axis="both", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_SOFT, labelsize=8.5, length=0)
    axes.yaxis.label.set_color(_SOFT)
    axes.yaxis.label.set_fontsize(9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
