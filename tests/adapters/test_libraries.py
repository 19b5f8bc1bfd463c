"""Each adapter with the real library, in its own environment, on a pinned snapshot of the recordings."""

import json
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import alphaforge_data
from alphaforge_data import Client
from replay.clock import Clock
from replay.recordings import RecordedMarket
from replay.server import ReplayServer
from tests.adapters.conftest import NOW, Run, python
from tests.conftest import Warehouse
from warehouse.project import PROJECT

pytestmark = pytest.mark.adapters
DAYS = 14


@pytest.fixture(scope="module")
def client(pinned: Warehouse) -> Client:
    found = pinned.settings.connection("researcher")
    url = f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"
    return alphaforge_data.connect(url, snapshot_id="pin", cache=False)


def test_vectorbt(run: Run, client: Client) -> None:
    told = run("light", "with_vectorbt.py")
    closes = client.panel("close", ["BTC/USDT", "ETH/USDT"], "15m", venue="binance").to_pandas(index="open_time")
    assert told["columns"] == ["binance:spot:BTC/USDT", "binance:spot:ETH/USDT"] == list(closes.columns)
    assert told["rows"] == len(closes) == DAYS * 96
    assert told["zone"] == "UTC"
    assert told["last"] == closes.iloc[-1].tolist()
    assert told["trades"] > 20
    assert all(5_000 < value < 20_000 for value in told["values"])


def test_backtesting(run: Run, client: Client) -> None:
    told = run("light", "with_backtesting.py")
    first = client.bars("ETH/USDT", "15m", venue="binance").to_pylist()[0]
    assert told["rows"] == DAYS * 96
    assert told["first"] == [
        "2025-01-01 00:00:00",
        *(first[name] for name in ("open", "high", "low", "close", "volume")),
    ]
    assert told["trades"] > 10
    assert 500_000 < told["final"] < 2_000_000


def test_backtrader(run: Run, client: Client) -> None:
    told = run("light", "with_backtrader.py")
    hours = client.bars("BTC/USDT", "1h", "2025-01-01", "2025-01-04", venue="binance").to_pylist()
    fields = ("open", "high", "low", "close", "volume")
    expected = {str(int(row["open_time"].timestamp()) // 3600 + 1): [row[name] for name in fields] for row in hours}
    # backtrader's own hours are the same, so both have the right time. It starts once every feed has a bar, which is at
    # the end of the first day.
    for found in (told["ours"], told["theirs"]):
        assert len(found) >= 2 * 24
        for ended, bar in found.items():
            assert bar[:4] == expected[ended][:4]
            assert bar[4] == pytest.approx(expected[ended][4], rel=1e-9)
    assert (told["early"], told["minutes"], told["days"]) == (0, 3 * 1440, 3)


def test_nautilus_trader(run: Run, client: Client) -> None:
    told = run("nautilus", "with_nautilus.py")
    reads = {
        "BTCUSDT.BINANCE-5-MINUTE-LAST-EXTERNAL": ("binance:spot:BTC/USDT", "5m"),
        "ETHUSDT.BINANCE-5-MINUTE-LAST-EXTERNAL": ("binance:spot:ETH/USDT", "5m"),
        "BTCUSDT-PERP.BINANCE-1-HOUR-LAST-EXTERNAL": ("binance:perp:BTC/USDT", "1h"),
    }
    assert told["names"] == list(reads)
    for name, (instrument, timeframe) in reads.items():
        rows = client.bars(instruments=instrument, timeframe=timeframe, columns="all").to_pylist()  # type: ignore[call-overload]
        found = told["bars"][name]
        assert len(found) == len(rows) > 300
        for bar, row in zip(found, rows, strict=True):
            closed = int(row["close_time"].timestamp()) * 1_000_000_000
            assert bar[:2] == [closed, closed]
            exact = [Decimal(repr(row[field])) for field in ("open", "high", "low", "close", "volume")]
            assert [Decimal(text) for text in bar[2:]] == exact
        precision = told["precision"][name.split("-5-")[0].split("-1-")[0]]
        assert [len(found[0][at].partition(".")[2]) for at in (2, 6)] == precision
    assert told["orders"] > 10


CONFIG: dict[str, Any] = {
    "max_open_trades": 1,
    "stake_currency": "USDT",
    "stake_amount": 1000,
    "dry_run": True,
    "dry_run_wallet": 10000,
    "fee": 0.001,
    # freqtrade refuses Binance's futures without the order book, which no backtest reads.
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "pairlists": [{"method": "StaticPairList"}],
    "dataformat_ohlcv": "feather",
}


@pytest.mark.parametrize("market", ["spot", "perp"])
def test_freqtrade(run: Run, client: Client, market_data: Path, tmp_path: Path, market: str) -> None:
    user = tmp_path / "user_data"
    data = user / "data" / "binance"
    (user / "strategies").mkdir(parents=True)
    strategy = PROJECT / "tests" / "adapters" / "programs" / "strategy.py"
    (user / "strategies" / "strategy.py").write_text(strategy.read_text())
    told = run("freqtrade", "with_freqtrade.py", market, str(data))
    assert all(Path(file).exists() for file in told["files"])
    pair = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"
    # freqtrade requests the exchange's markets even for a backtest: here from the replay.
    with ReplayServer(RecordedMarket(market_data), clock=Clock.fixed(NOW)) as server:
        origins = server.environment
        api = {
            "public": f"{origins['MDW_BINANCE_SPOT_URL']}/api/v3",
            "fapiPublic": f"{origins['MDW_BINANCE_USDM_URL']}/fapi/v1",
        }
        ccxt = {
            "urls": {"api": api},
            "options": {"fetchMarkets": {"types": ["spot" if market == "spot" else "linear"]}},
        }
        exchange = {"name": "binance", "pair_whitelist": [pair], "ccxt_config": ccxt}
        mode = {"trading_mode": "futures", "margin_mode": "isolated"} if market == "perp" else {}
        (tmp_path / "config.json").write_text(json.dumps(CONFIG | mode | {"exchange": exchange}))
        command = [
            str(python("freqtrade")),
            "-m",
            "freqtrade",
            "backtesting",
            "--config",
            str(tmp_path / "config.json"),
        ]
        command += ["--userdir", str(user), "--datadir", str(data), "--strategy", "Cross", "--cache", "none"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    # It ends with 0 even if it refuses the configuration.
    archives = list((user / "backtest_results").glob("*.zip"))
    assert (done.returncode, len(archives)) == (0, 1), f"{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    with zipfile.ZipFile(archives[0]) as results:
        name = next(one for one in results.namelist() if one.endswith(".json") and "_config" not in one)
        result = json.loads(results.read(name))["strategy"]["Cross"]
    assert len(result["trades"]) > 5
    bars = client.bars("BTC/USDT", "1h", venue="binance", market=market).to_pylist()  # type: ignore[call-overload]
    opens = {int(row["open_time"].timestamp() * 1000): row["open"] for row in bars}
    for trade in result["trades"]:
        assert trade["open_rate"] == opens[trade["open_timestamp"]]
    if market == "perp":
        payments = client.funding("BTC/USDT", venue="binance").to_pylist()
        for trade in result["trades"]:
            began, ended = trade["open_timestamp"], trade["close_timestamp"]
            paid = [one for one in payments if began <= one["funding_time"].timestamp() * 1000 <= ended]
            charged = sum(one["funding_rate"] * one["mark_price"] for one in paid) * trade["amount"]
            assert trade["funding_fees"] == pytest.approx(-charged, rel=1e-9, abs=1e-12)
        assert sum(1 for trade in result["trades"] if trade["funding_fees"]) > 5
