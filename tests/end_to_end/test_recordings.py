"""The whole pipeline on real recordings: the views equal the files, value by value.

The files are read here by pandas alone; nothing of the replay or of the pipelines takes part in the truth.
"""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Warehouse
from warehouse.project import PROJECT
from warehouse.settings import Settings

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class File:
    path: str
    instrument: str
    timeframe: str
    time: str = "timestamp"
    # The last candle of a file was often still open when it was downloaded (PROVENANCE.md, cross-checks).
    open_last: bool = False

    def read(self, folder: Path) -> pd.DataFrame:
        path = folder / self.path
        if ".json" in path.name:
            # Not pandas' JSON reader, which is off by one bit in every third price.
            rows = json.loads(gzip.decompress(path.read_bytes()))
            frame = pd.DataFrame(rows, columns=["timestamp", "open", "high", "low", "close", "volume"])
        else:
            frame = pd.read_csv(path)
        numeric = pd.api.types.is_numeric_dtype(frame[self.time])
        frame["open_time"] = pd.to_datetime(frame[self.time], unit="ms" if numeric else None, utc=True)
        frame = frame.rename(columns={"trades": "trade_count"}).sort_values("open_time").reset_index(drop=True)
        return frame.iloc[:-1] if self.open_last else frame


MINUTES = "binance/ohlcv_spot_1m"
FILES = [
    File(f"{MINUTES}/BTCUSDT_1m_20250101_20250128_ohlcv.csv.gz", "binance:spot:BTC/USDT", "1m"),
    File(f"{MINUTES}/ETHUSDT_1m_20250101_20250128_ohlcv.csv.gz", "binance:spot:ETH/USDT", "1m"),
    File(f"{MINUTES}/SOLUSDT_1m_20250101_20250128_ohlcv.csv.gz", "binance:spot:SOL/USDT", "1m"),
    File(f"{MINUTES}/XRPUSDT_1m_20250101_20250128_ohlcv.csv.gz", "binance:spot:XRP/USDT", "1m"),
    File(f"{MINUTES}/BTCUSDT_1m_20210326_20210430_ohlcv.csv.gz", "binance:spot:BTC/USDT", "1m"),
    File(f"{MINUTES}/ETHBTC_1m_20210614_20210714_freqtrade.json.gz", "binance:spot:ETH/BTC", "1m", open_last=True),
    File(
        "binance/ohlcv_spot_1h/BTCUSDT_1h_20230101_20260202_qv_trades.csv.gz",
        "binance:spot:BTC/USDT",
        "1h",
        open_last=True,
    ),
    *(
        File(
            f"binance/ohlcv_usdm_1h/{coin}USDT_1h_20250913_20260319_qv_trades.csv.gz",
            f"binance:perp:{coin}/USDT",
            "1h",
            open_last=True,
        )
        for coin in ("BTC", "ETH", "SOL", "XRP", "BNB")
    ),
    File("bybit/ohlcv_spot_1h/BTCUSDT_1h_20241101_20250528.csv.gz", "bybit:spot:BTC/USDT", "1h", "open_time_ms", True),
]


@pytest.fixture(scope="module")
def recorded(market_data: Path, tmp_path_factory: pytest.TempPathFactory):
    """`mdw demo --recordings`, run as a user would."""
    home = tmp_path_factory.mktemp("recordings") / "mdw"
    ended = subprocess.run(
        [sys.executable, "-m", "mdw", "demo", "--recordings", str(market_data)],
        env={**os.environ, "MDW_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    running = Warehouse(Settings(home=home / "demo" / "recordings", clickhouse_url=None))
    yield running
    running.kill()


def view(warehouse: Warehouse, file: File, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    with warehouse.client("researcher") as client:
        return client.query_df(
            "select open_time, open, high, low, close, volume, quote_volume, trade_count "
            "from marts.v_bars_at(snapshot_id = 'demo') where instrument_id = {i:String} and timeframe = {t:String} "
            "and open_time between {a:DateTime64(3, 'UTC')} and {b:DateTime64(3, 'UTC')} order by open_time",
            parameters={"i": file.instrument, "t": file.timeframe, "a": start, "b": end},
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: Path(file.path).name.split(".")[0])
def test_bars_equal_the_file(recorded: Warehouse, market_data: Path, file: File):
    truth = file.read(market_data)
    shown = view(recorded, file, truth["open_time"].iloc[0], truth["open_time"].iloc[-1])
    times = pd.to_datetime(shown["open_time"], utc=True)
    assert times.is_unique
    assert list(times) == list(truth["open_time"])
    for column in ("open", "high", "low", "close", "volume", "quote_volume", "trade_count"):
        if column in truth:
            np.testing.assert_array_equal(
                shown[column].to_numpy(dtype=float), truth[column].to_numpy(dtype=float), err_msg=column
            )
        else:
            assert shown[column].isna().all(), f"{column} is not in the file, so it is unknown"


def test_the_outages_of_2021_are_reported_and_not_filled(recorded: Warehouse):
    found = recorded.rows(
        "select toString(gap_start), toString(gap_end), missing_bars, class from marts.v_bar_gaps "
        "where instrument_id = 'binance:spot:BTC/USDT' and timeframe = '1m' "
        "and gap_start >= '2021-03-26 03:00:00' and gap_end <= '2021-04-30 03:33:00' order by gap_start"
    )
    assert sum(row[2] for row in found) == 434
    assert [row[0][:10] for row in found] == ["2021-04-20", "2021-04-25"]
    assert {row[3] for row in found} == {"venue_outage"}


def test_the_hour_that_binance_lost_in_2023(recorded: Warehouse):
    assert recorded.rows(
        "select toString(gap_start), missing_bars, class from marts.v_bar_gaps where timeframe = '1h' "
        "and instrument_id = 'binance:spot:BTC/USDT' and toYYYYMM(gap_start) = 202303"
    ) == [("2023-03-24 13:00:00.000", 1, "venue_outage")]


def test_binance_funding_equals_the_file(recorded: Warehouse, market_data: Path):
    truth = pd.read_csv(
        market_data / "binance/funding_usdm/BTCUSDT_funding_20190910_20260629_markprice.csv.gz",
    )
    rows = recorded.rows(
        "select funding_time_raw, funding_time, funding_rate, mark_price from marts.v_funding_at(snapshot_id = 'demo') "
        "where instrument_id = 'binance:perp:BTC/USDT' order by funding_time"
    )
    times = pd.to_datetime(truth["fundingTime"], utc=True, format="ISO8601")
    shown = pd.DataFrame(rows, columns=["raw", "rounded", "rate", "mark"])
    assert list(pd.to_datetime(shown["raw"], utc=True).dt.floor("s")) == list(times.dt.floor("s"))
    assert (pd.to_datetime(shown["rounded"], utc=True).dt.minute == 0).all()
    np.testing.assert_array_equal(shown["rate"].to_numpy(float), truth["fundingRate"].to_numpy(float))
    np.testing.assert_array_equal(shown["mark"].to_numpy(float), truth["markPrice"].to_numpy(float))


@pytest.mark.parametrize("coin", ["BTC", "ETH", "SOL", "XRP", "BNB"])
def test_okx_funding_is_what_was_paid(recorded: Warehouse, market_data: Path, coin: str):
    truth = pd.read_csv(market_data / f"okx/funding_swap/{coin}-USDT-SWAP_funding_20260407_20260710.csv")
    rows = recorded.rows(
        "select toUnixTimestamp64Milli(funding_time), funding_rate from marts.v_funding_at(snapshot_id = 'demo') "
        "where instrument_id = {i:String} and funding_time >= '2026-04-07 08:00:00' order by funding_time",
        i=f"okx:perp:{coin}/USDT",
    )
    assert rows == list(zip(truth["timestamp_ms"], truth["realized_rate"], strict=True))


def test_fear_and_greed_equals_the_file_and_its_missing_days_stay_missing(recorded: Warehouse, market_data: Path):
    truth = pd.read_csv(market_data / "alternative_me/fear_greed/fng_20180201_20260213.csv")
    rows = recorded.rows("select toString(date), value from marts.v_fear_greed_at(snapshot_id = 'demo') order by date")
    assert rows == list(zip(truth["date"], truth["fng"], strict=True))
    assert "2024-10-26" not in dict(rows)


def test_instruments_have_tick_and_lot(recorded: Warehouse):
    rows = dict(
        recorded.rows(
            "select instrument_id, (toFloat64(tick_size), toFloat64(lot_size)) "
            "from marts.v_instruments_at(snapshot_id = 'demo') where valid_to is null"
        )
    )
    # Binance exchangeInfo of 2021-10-12 and 2021-07-22, OKX public/instruments, as recorded.
    assert rows["binance:spot:BTC/USDT"] == (0.01, 0.00001)
    assert rows["binance:perp:BTC/USDT"] == (0.01, 0.001)
    assert {"okx:spot:BTC/USDT", "bybit:spot:BTC/USDT"} <= set(rows)


def test_the_condition_of_the_days_of_2021_and_2023(recorded: Warehouse):
    days = {
        (row[0], row[1]): row[2:]
        for row in recorded.rows(
            "select toString(timeframe), toString(day), toString(condition), reason from marts.v_dataset_condition "
            "where dataset = 'bars' and instrument_id = 'binance:spot:BTC/USDT'"
        )
    }
    assert days["1m", "2021-04-19"][0] == "available"
    for outage in ("2021-04-20", "2021-04-25"):
        assert days["1m", outage][0] == "degraded"
        assert "venue_outage" in days["1m", outage][1]
    assert days["1h", "2023-03-23"] == ("available", "")
    assert days["1h", "2023-03-24"][0] == "degraded"
    assert "venue_outage" in days["1h", "2023-03-24"][1]


def test_the_audits_find_nothing_wrong_in_real_recordings(recorded: Warehouse):
    found = recorded.rows(
        "select audit, instrument_id, timeframe, detail from marts.dq_audit_results "
        "where run = (select max(run) from marts.dq_audit_results) and severity = 'error'"
    )
    assert found == []
