"""One reader per format of recorded candles; yields bars, and whether the recording marks them as closed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from replay.decimals import plain
from replay.market import Bar
from replay.recordings.files import read_json, read_rows, read_text, utc_ms

Reader = Callable[[Path], Iterator[tuple[Bar, bool]]]


def naive_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """timestamp (UTC, not stated), open, high, low, close, volume."""
    for time, o, h, low, c, v in read_rows(path):
        yield Bar(utc_ms(time), o, h, low, c, v), True


def bybit_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """open_time_ms, open, high, low, close, volume."""
    for time, o, h, low, c, v in read_rows(path):
        yield Bar(int(time), o, h, low, c, v), True


def indexed_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """An index column before the twelve fields of Binance."""
    for _, time, o, h, low, c, v, _, quote, trades, taker, taker_quote, _ in read_rows(path):
        yield Bar(int(time), o, h, low, c, v, quote, int(trades), taker, taker_quote), True


def zoned_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """Binance's fields with ISO times, and the symbol."""
    for time, o, h, low, c, v, _, quote, trades, taker, taker_quote, _, _ in read_rows(path):
        yield Bar(utc_ms(time), o, h, low, c, v, quote, int(trades), taker, taker_quote), True


def archive_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """Binance's futures archive: the twelve fields under a header, in milliseconds."""
    for time, o, h, low, c, v, _, quote, trades, taker, taker_quote, _ in read_rows(path):
        yield Bar(int(time), o, h, low, c, v, quote, int(trades), taker, taker_quote), True


def anomaly_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """Symbol, Timestamp (UTC), Date (UTC+1, ignored), five values, columns of the author (ignored)."""
    for _, time, _, o, h, low, c, v, *_ in read_rows(path):
        yield Bar(int(time), o, h, low, c, v), True


def counted_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """symbol, interval, timestamp, five values, quote volume, trade count."""
    for _, _, time, o, h, low, c, v, quote, trades in read_rows(path):
        yield Bar(utc_ms(time), o, h, low, c, v, plain(quote), int(trades)), True


def usdm_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """timestamp, five values, quote volume, trades, close time."""
    for time, o, h, low, c, v, quote, trades, _ in read_rows(path):
        yield Bar(int(time), o, h, low, c, v, quote, int(trades)), True


def binance_json(path: Path) -> Iterator[tuple[Bar, bool]]:
    """A klines response as sent."""
    for time, o, h, low, c, v, _, quote, trades, taker, taker_quote, _ in read_json(path):
        yield Bar(time, o, h, low, c, v, quote, trades, taker, taker_quote), True


def ccxt_json(path: Path) -> Iterator[tuple[Bar, bool]]:
    """Rows of ccxt: [ms, open, high, low, close, volume] as JSON numbers."""
    for time, *values in read_json(path, numbers_as_text=True):
        o, h, low, c, v = (plain(str(value)) for value in values)
        yield Bar(time, o, h, low, c, v), True


def okx_json(path: Path) -> Iterator[tuple[Bar, bool]]:
    """A swap candles response of nine fields as sent."""
    for time, o, h, low, c, contracts, v, quote, confirm in read_json(path)["data"]:
        yield Bar(int(time), o, h, low, c, v, quote, contracts=contracts), confirm == "1"


def okx_csv(path: Path) -> Iterator[tuple[Bar, bool]]:
    """Spot candles of 2022 (no confirm), newest first: index, time (UTC, not stated), prices, base and quote volume."""
    for _, time, o, h, low, c, v, quote in reversed(list(read_rows(path))):
        yield Bar(utc_ms(time), o, h, low, c, v, quote), True


def okx_snapshots(path: Path) -> Iterator[tuple[Bar, bool]]:
    """One download of 300 swap candles per line, in order of time: later ones replace earlier ones."""
    for line in read_text(path).splitlines():
        for row in json.loads(line, parse_float=str)["file"]["data"]:
            names = ("open", "high", "low", "close", "volCcy", "vol")
            o, h, low, c, v, contracts = (plain(str(row[name])) for name in names)
            yield Bar(row["ts"], o, h, low, c, v, contracts=contracts), row["confirm"] == "1"


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        naive_csv,
        bybit_csv,
        indexed_csv,
        zoned_csv,
        archive_csv,
        anomaly_csv,
        counted_csv,
        usdm_csv,
        binance_json,
        ccxt_json,
        okx_json,
        okx_csv,
        okx_snapshots,
    )
}
