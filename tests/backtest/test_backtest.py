"""A backtest on a pinned snapshot: reproducible, with reported gaps and consistent accounts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mdw.backtest import Parameters, Result, run
from mdw.backtest.market import load
from mdw.backtest.simulation import simulate
from mdw.backtest.strategy import weights
from tests.alphaforge_data.published import END, FIRST_END, HOLE, PERPETUALS, SPOT_END, SPOT_START, START, Published
from warehouse.errors import BadInput

PERP = Parameters(market="perp", symbols=PERPETUALS, short=True, lookback_days=7, volatility_days=7, rebalance_days=3)
SPOT = Parameters(
    symbols=("BTC/USDT",),
    timeframe="1m",
    start=SPOT_START,
    end=SPOT_END,
    lookback_days=2,
    volatility_days=2,
    rebalance_days=1,
)
FILES = ("result.json", "trades.csv", "equity.csv", "equity.png")


def test_two_runs_on_one_pin_write_equal_files(published: Published, tmp_path: Path) -> None:
    results = [run(published.connect("first"), PERP, tmp_path / name) for name in ("one", "two")]
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert results[0].same_as(results[1])
    assert results[0].metrics["trades"] > 10
    assert Result.read(tmp_path / "one" / "result.json").same_as(results[1])
    assert (tmp_path / "one" / "equity.png").read_bytes().startswith(b"\x89PNG")


def test_the_result_records_its_inputs(published: Published, tmp_path: Path) -> None:
    client = published.connect("first")
    stored = json.loads(_stored(run(client, PERP, tmp_path), tmp_path))
    assert stored["snapshot_id"] == "first"
    assert stored["data_version"] == client.snapshot().data_version
    assert len(stored["content"]["content_hashes"]["bars"]) == 32
    assert stored["parameters"]["symbols"] == list(PERPETUALS)
    assert stored["period"]["bars_from"] == START.isoformat()
    assert stored["period"]["bars_to"] == FIRST_END.isoformat()
    assert stored["libraries"]["bt"]
    assert stored["code_revision"]


def _stored(result: Result, folder: Path) -> str:
    assert result.trades_digest
    return (folder / "result.json").read_text()


def test_other_data_gives_another_result_and_shows_where(published: Published, tmp_path: Path) -> None:
    same_window = replace(PERP, start=START, end=FIRST_END)
    first = run(published.connect("first"), same_window, tmp_path / "first")
    revised = run(published.connect("second"), same_window, tmp_path / "second")
    assert not first.same_as(revised)
    lines = "\n".join(first.differences(revised))
    for word in ("snapshot_id: 'first' and 'second'", "content.content_hashes.bars", "trades_digest", "metrics.sharpe"):
        assert word in lines
    assert "funding_rates" not in lines


def test_the_accounts_add_up(published: Published, tmp_path: Path) -> None:
    """Final equity from the trades, the pinned prices and the funding alone."""
    client = published.connect("first")
    result = run(client, PERP, tmp_path)
    trades = pd.read_csv(tmp_path / "trades.csv", parse_dates=["time"])
    window: dict[str, Any] = {"start": START, "end": FIRST_END}
    ids = list(PERP.instruments)
    bars = client.bars(instruments=ids, columns=["instrument_id", "close_time", "close"], **window).to_pandas()
    closes = bars.pivot_table(index="close_time", columns="instrument_id", values="close", observed=True)
    for trade in trades.itertuples():
        assert trade.price == pytest.approx(closes.loc[trade.time, trade.instrument_id], rel=1e-8)
    cash = PERP.capital - (trades.quantity * trades.price).sum() - trades.commission.sum() - trades.slippage.sum()
    assert trades.commission.sum() == pytest.approx((trades.quantity.abs() * trades.price).sum() * 0.001)
    end = pd.Timestamp(result.period["traded_to"])
    for event in client.funding(instruments=ids, **window).to_pandas().itertuples():
        held = trades[(trades.instrument_id == event.instrument_id) & (trades.time < event.funding_time)].quantity.sum()
        if held and event.funding_time <= end:
            cash -= held * event.funding_rate * closes.loc[event.funding_time, event.instrument_id]
    held = trades.groupby("instrument_id").quantity.sum()
    assert cash + (held * closes.loc[end, held.index]).sum() == pytest.approx(result.metrics["final_equity"], rel=1e-6)
    assert result.metrics["funding"] != 0


def test_what_comes_later_changes_no_earlier_trade(published: Published, tmp_path: Path) -> None:
    client = published.connect("first")
    run(client, PERP, tmp_path / "long")
    run(client, replace(PERP, end=pd.Timestamp("2025-06-15", tz="UTC")), tmp_path / "short")
    longer, shorter = ((tmp_path / name / "trades.csv").read_text().splitlines() for name in ("long", "short"))
    assert 5 < len(shorter) < len(longer)
    assert longer[: len(shorter)] == shorter


def test_a_trade_is_filled_an_hour_after_its_decision(published: Published, tmp_path: Path) -> None:
    run(published.connect("first"), PERP, tmp_path)
    times = pd.read_csv(tmp_path / "trades.csv", parse_dates=["time"]).time.drop_duplicates()
    assert {(time.hour, time.minute) for time in times} == {(1, 0)}


def test_a_gap_is_reported_and_not_filled(published: Published, tmp_path: Path) -> None:
    client = published.connect("first")
    result = run(client, replace(SPOT, max_stale_hours=1, target_volatility=2.0), tmp_path)
    assert result.missing_bars["missing"] == 150
    (found,) = result.missing_bars["ranges"]
    assert (found["from"], found["to"]) == tuple(time.isoformat() for time in HOLE)
    prices = load(client, replace(SPOT, max_stale_hours=1)).prices["binance:spot:BTC/USDT"]
    day = prices.loc["2025-06-11"]
    assert list(day.index[day.isna()].hour) == [4]
    assert day.loc["2025-06-11T03:00Z"] == day.loc["2025-06-11T02:00Z"]


def test_too_many_gaps_are_refused_by_name(published: Published, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"lacks 150 of 8640 1m bars .*2025-06-11 02:00 to 2025-06-11 04:30 \(150\)"):
        run(published.connect("first"), replace(SPOT, max_missing_share=0.01), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"market": "spot", "short": False}, "'1h'; stored of binance:spot:BTC/USDT: 1m"),
        ({"lookback_days": 60}, "too little.*67 days are needed"),
        ({"start": END, "end": END + pd.Timedelta(days=400)}, "reaches from 2025-05-17.*requested: 2025-06-30"),
    ],
)
def test_too_little_data_is_reported(
    published: Published, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        run(published.connect("first"), replace(PERP, **change), tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_missing_funding_is_never_read_as_zero(published: Published, tmp_path: Path) -> None:
    """Snapshot `second` has one more day of bars than of funding."""
    with pytest.raises(BadInput, match="no funding of binance:perp:BTC/USDT between 2025-06-28"):
        run(published.connect("second"), replace(PERP, end=END), tmp_path)
    result = run(published.connect("second"), replace(PERP, end=END, funding=False), tmp_path)
    assert result.metrics["funding"] == 0


def test_a_run_that_never_buys_has_no_trades(published: Published) -> None:
    market = load(published.connect("first"), PERP)
    decided = weights(market, PERP)
    done = simulate(market, decided * 0.0, PERP)
    assert done.trades.empty
    assert set(done.equity) == {PERP.capital}


def test_greed_halves_the_positions(published: Published) -> None:
    client = published.connect("first")
    plain = weights(load(client, PERP), PERP)
    always, never = replace(PERP, greed_limit=0), replace(PERP, greed_limit=100)
    assert weights(load(client, always), always).equals(plain * 0.5)
    assert weights(load(client, never), never).equals(plain)


def test_positions_stay_within_their_limits(published: Published) -> None:
    decided = weights(load(published.connect("first"), PERP), PERP)
    assert (decided.abs().sum(axis="columns") <= PERP.max_gross + 1e-12).all()
    assert (decided.abs() <= PERP.max_weight).all(axis=None)
    assert ((decided != 0).sum(axis="columns") <= PERP.top).all()
    long_only = replace(PERP, short=False)
    assert (weights(load(published.connect("first"), long_only), long_only) >= 0).all(axis=None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lookback_days": 0}, "lookback_days is 0; it must be a number above 0"),
        ({"commission_bps": -1}, "commission_bps is -1; it must be 0 or more"),
        ({"symbols": ()}, "symbols"),
        ({"short": True}, "false unless market is 'perp'"),
        ({"max_gross": 1.5}, "max_gross is 1.5"),
        ({"start": END, "end": START}, "end is .* it must be after start"),
        ({"start": START.replace(tzinfo=None)}, "a time with a time zone"),
    ],
)
def test_impossible_parameters_are_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Parameters(**change)  # type: ignore[arg-type]


def test_a_file_that_is_not_a_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"snapshot_id": "x"}')
    with pytest.raises(BadInput, match="is not a backtest result"):
        Result.read(tmp_path / "result.json")
