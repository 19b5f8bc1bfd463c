"""The universe file and its filters: every mistake is reported with the allowed values."""

from pathlib import Path

import pytest

from dlt_pipelines.core.series import Series
from dlt_pipelines.planning.selection import Selection, select
from dlt_pipelines.planning.universe import Universe, load
from warehouse.errors import BadInput
from warehouse.project import PROJECT

GOOD = (PROJECT / "config" / "universe.yml").read_text()


@pytest.fixture(scope="module")
def universe() -> Universe:
    return load(PROJECT / "config" / "universe.yml")


def test_the_customer_s_universe(universe: Universe) -> None:
    series = universe.series()
    assert Series("bars", "okx", "spot", "SOL/BTC", "1m") in series
    assert Series("funding", "okx", "perp", "BNB/USDT") in series
    assert {(s.venue, s.market) for s in series if s.dataset == "instruments"} == {
        ("binance", "spot"), ("binance", "perp"), ("okx", "spot"), ("okx", "perp"), ("bybit", "spot"),
    }  # fmt: skip
    assert len(series) == (6 * 3 + 5) * 2 + 10 + 5 + 1


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("[1m, 1h]", "[1m, 7m]", ["timeframes.1 is '7m'", "allowed are 1m, 1h"]),
        ("[1m, 1h]", "[1m, 1m]", ["timeframes", "1m is listed twice"]),
        ("  bybit:", "  kraken:", ["bars names venue 'kraken'", "allowed are binance, bybit, coinbase, okx"]),
        ("SOL/BTC, ETH/BTC]\n    perp", "SOLBTC]\n    perp", ["bars.binance.spot.4 is 'SOLBTC'", "BASE/QUOTE"]),
        ("  okx:\n    spot:", "  okx:\n    perp:", ["bars.okx names market 'perp'", "allowed are spot"]),
        ("2021-01-01T00:00:00Z", "2021-01-01T00:00:00", ["history.start", "needs a time zone"]),
        ("fear_greed: true", "fear_gred: true", ["key fear_gred is unknown", "fear_greed"]),
        ("version: 1", "version: 2", ["version is 2"]),
        ("timeframes: [1m, 1h]\n", "", ["key timeframes is missing"]),
        ("version: 1", "version: [1", ["is not valid YAML"]),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, good: str, bad: str, words: list[str]) -> None:
    assert good in GOOD
    file = tmp_path / "universe.yml"
    file.write_text(GOOD.replace(good, bad, 1))

    with pytest.raises(BadInput) as trouble:
        load(file)

    for word in [str(file), *words]:
        assert word in str(trouble.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load(tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"datasets": ("candles",)}, "dataset 'candles' is not in the universe; allowed are bars, funding"),
        ({"venues": ("kraken",)}, "venue 'kraken' is not in the universe; allowed are binance, okx, bybit"),
        ({"markets": ("margin",)}, "market 'margin' is not in the universe; allowed are spot, perp"),
        ({"symbols": ("BTCUSDT",)}, "symbol 'BTCUSDT' is not in the universe; allowed are BTC/USDT"),
        ({"timeframes": ("5m",)}, "timeframe '5m' is not in the universe; allowed are 1m, 1h"),
        ({"venues": ("bybit",), "datasets": ("funding",)}, "--dataset funding --venue bybit together"),
    ],
)
def test_an_unknown_filter_is_named(universe: Universe, filters: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(BadInput) as trouble:
        select(universe, Selection(**filters))
    assert words in str(trouble.value)


def test_filters_combine(universe: Universe) -> None:
    assert select(universe, Selection(symbols=("SOL/BTC",), timeframes=("1h",))) == [
        Series("bars", venue, "spot", "SOL/BTC", "1h") for venue in ("binance", "okx", "bybit")
    ]
    assert select(universe, Selection(datasets=("instruments",), symbols=("BTC/USDT",), venues=("bybit",))) == [
        Series("instruments", "bybit", "spot")
    ]


# Binance, OKX, Bybit and Coinbase list or listed instruments with these bases.
BASES = (
    "BTC", "W", "T", "S", "G", "D", "1INCH", "1000SATS", "1MBABYDOGE", "1000000MOG", "00", "A8", "4", "币安人生",
    "我踏马来了", "龙虾", "ÉTOILE", "BTC.D", "USDT_OLD", "BTC-OLD",
)  # fmt: skip


def test_symbols_that_venues_list_are_accepted_from_the_file_to_the_command_line(tmp_path: Path) -> None:
    symbols = [f"{base}/{quote}" for base in BASES for quote in ("USDT", "U", "BTC")]
    listed = ", ".join(f'"{symbol}"' for symbol in symbols)
    file = tmp_path / "universe.yml"
    file.write_text(
        "version: 1\nhistory: {start: 2021-01-01T00:00:00Z}\ntimeframes: [1h]\n"
        f"bars: {{binance: {{spot: [{listed}]}}}}\n",
        encoding="utf-8",
    )
    universe = load(file)
    for symbol in symbols:
        chosen = [one for one in select(universe, Selection(symbols=(symbol,))) if one.dataset == "bars"]
        assert chosen == [Series("bars", "binance", "spot", symbol, "1h")]


@pytest.mark.parametrize(
    "symbol",
    [
        # These fullwidth letters look like BTC but are different.
        "btc/USDT", "BTCUSDT", "/USDT", "BTC/", "BTC/USDT/X", "BTC USDT/X", "-BTC/USDT", "../USDT", "BTC/..",
        "A?B/USDT",
        "A%2F/USDT", "A&B/USDT", "A'B/USDT", "A,B/USDT", "A\\nB/USDT", "BTC\u200b/USDT", "\uff22\uff34\uff23/USDT",
        "X" * 33 + "/USDT",
        "A:B/USDT", "A#/USDT",
    ],
)  # fmt: skip
def test_an_invalid_symbol_is_refused(tmp_path: Path, symbol: str) -> None:
    file = tmp_path / "universe.yml"
    file.write_text(GOOD.replace("SOL/BTC, ETH/BTC]\n    perp", f'"{symbol}"]\n    perp', 1), encoding="utf-8")
    with pytest.raises(BadInput, match="a symbol is BASE/QUOTE in capitals"):
        load(file)
