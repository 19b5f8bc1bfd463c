"""Catalog of the recordings: what each file contains, and why others are not served (source: PROVENANCE.md there)."""

from pathlib import PurePath
from typing import NamedTuple


class BarFile(NamedTuple):
    """A file of candles; `open_last`: its last candle was, or may have been, still open when it was downloaded."""

    path: str
    venue: str
    market: str
    symbol: str
    timeframe: str
    file_format: str
    open_last: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Venue, market, symbol, timeframe."""
        return self.venue, self.market, self.symbol, self.timeframe


class FundingFile(NamedTuple):
    """A file of funding events."""

    path: str
    venue: str
    symbol: str
    file_format: str

    @property
    def key(self) -> tuple[str, str]:
        """Venue and symbol."""
        return self.venue, self.symbol


def _canonical(venue_symbol: str) -> str:
    pair = venue_symbol.removesuffix("-SWAP").replace("-", "")
    quote = "USDT" if pair.endswith("USDT") else "BTC"
    return f"{pair.removesuffix(quote)}/{quote}"


# folder, venue, market, timeframe, format, whether the last candle is open; then the files by symbol
_BAR_FOLDERS = (
    # Downloaded long afterwards, with a round number of rows: the last candle was closed.
    ("binance/ohlcv_spot_1m", "binance", "spot", "1m", "naive_csv", False,
     ("BTCUSDT_1m_20210326_20210430_ohlcv.csv.gz", "BTCUSDT_1m_20250101_20250128_ohlcv.csv.gz",
      "ETHUSDT_1m_20250101_20250128_ohlcv.csv.gz", "SOLUSDT_1m_20250101_20250128_ohlcv.csv.gz",
      "XRPUSDT_1m_20250101_20250128_ohlcv.csv.gz")),
    # One response each of limit=1000: the last row is the open candle.
    ("binance/ohlcv_spot_1m", "binance", "spot", "1m", "indexed_csv", True,
     tuple(f"{s}_1m_20221108_raw12.csv" for s in
           ("BNBBTC", "BNBUSDT", "BTCUSDT", "ETHBTC", "ETHUSDT", "SOLBTC", "SOLUSDT", "XRPBTC", "XRPUSDT"))),
    # The newest three days up to the minute: it is not certain that the last row was closed.
    ("binance/ohlcv_spot_1m", "binance", "spot", "1m", "zoned_csv", True,
     ("BTCUSDT_1m_20251029_20251101_12col.csv.gz", "ETHUSDT_1m_20251029_20251101_12col.csv.gz")),
    ("binance/ohlcv_spot_1m", "binance", "spot", "1m", "ccxt_json", False,
     ("ETHBTC_1m_20210614_20210714_freqtrade.json.gz",)),
    ("binance/ohlcv_spot_1h", "binance", "spot", "1h", "anomaly_csv", True,
     ("BTCUSDT_1h_20210124_20210213.csv", "ETHBTC_1h_20210124_20210213.csv", "SOLBTC_1h_20210124_20210213.csv")),
    ("binance/ohlcv_spot_1h", "binance", "spot", "1h", "ccxt_json", False,
     ("ETHBTC_1h_20210614_20210714_freqtrade.json",)),
    ("binance/ohlcv_spot_1h", "binance", "spot", "1h", "counted_csv", True,
     ("BTCUSDT_1h_20230101_20260202_qv_trades.csv.gz",)),
    ("binance/ohlcv_spot_1h", "binance", "spot", "1h", "binance_json", True,
     tuple(f"{s}_1h_20260217_raw.json" for s in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"))),
    ("binance/ohlcv_usdm_1h", "binance", "perp", "1h", "usdm_csv", True,
     tuple(f"{s}_1h_20250913_20260319_qv_trades.csv.gz" for s in
           ("BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"))),
    ("binance/ohlcv_usdm_5m", "binance", "perp", "5m", "archive_csv", False, ("BTCUSDT-5m-2025-01.csv.gz",)),
    ("okx/ohlcv_spot_15m", "okx", "spot", "15m", "okx_csv", True,
     ("BTC-USDT_15m_20220223_20220226.csv", "ETH-USDT_15m_20220223_20220226.csv")),
    ("okx/ohlcv_swap_1h", "okx", "perp", "1h", "okx_snapshots", False,
     ("BTC-USDT-SWAP_1h_snapshots_2026-07_08.jsonl.gz",)),
    ("okx/ohlcv_swap_1m", "okx", "perp", "1m", "okx_snapshots", False,
     ("BTC-USDT-SWAP_1m_snapshots_2026-07_08.jsonl.gz",)),
    ("okx/ohlcv_swap_1m", "okx", "perp", "1m", "okx_json", False, ("BTC-USDT-SWAP_candles_20250513_raw9_2rows.json",)),
    ("bybit/ohlcv_spot_15m", "bybit", "spot", "15m", "bybit_csv", False, ("BTCUSDT_15m_20241101_20250528.csv.gz",)),
    ("bybit/ohlcv_spot_1h", "bybit", "spot", "1h", "bybit_csv", False, ("BTCUSDT_1h_20241101_20250528.csv.gz",)),
)  # fmt: skip


def _venue_symbol(file: str) -> str:
    return file.split("_")[0].split("-5m")[0]


BARS = [
    BarFile(f"{folder}/{file}", venue, market, _canonical(_venue_symbol(file)), timeframe, file_format, open_last)
    for folder, venue, market, timeframe, file_format, open_last, files in _BAR_FOLDERS
    for file in files
]

# A later file of the same symbol fills what the earlier one lacks.
FUNDING = [
    *(
        FundingFile(f"binance/funding_usdm/{s}_funding_20260112_20260319.csv", "binance", _canonical(s), "api_csv")
        for s in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT")
    ),
    FundingFile(
        "binance/funding_usdm/BTCUSDT_funding_20190910_20260629_markprice.csv.gz", "binance", "BTC/USDT", "mark_csv"
    ),
    *(
        FundingFile(f"okx/funding_swap/{s}-USDT-SWAP_funding_raw.json", "okx", f"{s}/USDT", "okx_json")
        for s in ("BTC", "ETH", "SOL", "XRP")
    ),
    *(
        FundingFile(f"okx/funding_swap/{s}-USDT-SWAP_funding_20260407_20260710.csv", "okx", f"{s}/USDT", "okx_csv")
        for s in ("BTC", "ETH", "SOL", "XRP", "BNB")
    ),
]

# Older first: a later record of the same instrument replaces the earlier one.
INSTRUMENTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("binance", "spot"): ("binance/instruments/spot_exchangeInfo_20211012.json.gz",),
    ("binance", "perp"): ("binance/instruments/usdm_exchangeInfo_20210722.json",),
    ("okx", "spot"): (
        "okx/instruments/public_instruments_SPOT_20220513.json.gz",
        "okx/instruments/public_instruments_SPOT_2025_few.json",
    ),
    ("okx", "perp"): (
        "okx/instruments/public_instruments_SWAP_20220513.json",
        "okx/instruments/public_instruments_SWAP_2025_few.json",
    ),
    ("bybit", "spot"): ("bybit/instruments/spot_instruments_info_ccxt_7records.json",),
}

SENTIMENT = (
    "alternative_me/fear_greed/fng_20180201_20251203_classified.json.gz",
    "alternative_me/fear_greed/fng_20180201_20260213.csv",
)

_TRADES = "trades: not a dataset of the warehouse"
SKIPPED = {
    "alternative_me/fear_greed/fng_api_response_20250423_raw.json": "one day, already in the long files",
    "binance/instruments/spot_exchangeInfo_ccxt_2records.json": "ccxt turned its numbers into text; undated",
    "bybit/instruments/spot_instruments_info_1record.json": "a sample of the documentation, not a recording",
    "bybit/ohlcv_spot_samples/BTCUSDT_kline_raw_2responses.json": "3m and an open 12h or 1d candle: not our timeframes",
    "okx/instruments/public_instruments_FUTURES_20220513.json": "dated futures: not a market of the warehouse",
    "okx/trades_spot/BTC-USDT_trades_20240313_ccxt.json": _TRADES,
    "okx/trades_spot/BTC-USDT_trades_20250512_raw.json": _TRADES,
}

# Patterns for PurePath.match, for files that need no entry of their own.
SKIPPED_PATTERNS = {
    "*/ws/*": "WebSocket frames: only REST recordings are served",
    "*PROVENANCE.md": "where the recordings come from",
}


def why_skipped(path: PurePath) -> str | None:
    """Why a file, relative to the folder, is not served; None if it is served, or unknown."""
    reason = SKIPPED.get(path.as_posix())
    return reason or next((why for pattern, why in SKIPPED_PATTERNS.items() if path.match(pattern)), None)


def symbols(venue: str, market: str) -> dict[str, str]:
    """Canonical symbol by venue symbol, of the files with bars or funding."""
    served = [(f.path, f.symbol) for f in BARS if (f.venue, f.market) == (venue, market)]
    served += [(f.path, f.symbol) for f in FUNDING if (f.venue, "perp") == (venue, market)]
    return {_venue_symbol(path.rsplit("/", 1)[1]): symbol for path, symbol in served}
