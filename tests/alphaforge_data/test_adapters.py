"""What adapters refuse, and the files of freqtrade, without the libraries: those are run by tests/adapters."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather

import alphaforge_data
from alphaforge_data import BadRequest, Client, Frame, MissingBars
from alphaforge_data.adapters import backtesting, freqtrade, tables
from alphaforge_data.adapters.nautilus import _length
from tests.alphaforge_data.published import Published

PERP: dict[str, Any] = {"venue": "binance", "market": "perp"}
DAY: dict[str, Any] = {"start": "2025-06-01", "end": "2025-06-02"}


@pytest.fixture(scope="module")
def client(published: Published) -> Client:
    return published.connect()


def _without_marks(funding: Frame) -> Frame:
    table = funding.to_arrow()
    position = table.column_names.index("mark_price")
    nulls = pa.nulls(len(table), pa.float64())
    return Frame(funding.snapshot.stamp(table.set_column(position, "mark_price", nulls)))


def test_payments_without_a_mark_price_take_the_open_of_their_bar(client: Client, tmp_path: Path) -> None:
    bars = client.bars("BTC/USDT", "1h", **PERP)
    paid = client.funding("BTC/USDT", venue="binance")
    rates, marks = (feather.read_table(path) for path in freqtrade.write_funding(paid, tmp_path))
    assert rates["open"].to_pylist() == paid["funding_rate"].to_pylist()
    assert marks["open"].to_pylist() == paid["mark_price"].to_pylist()
    bare = _without_marks(paid)
    with pytest.raises(BadRequest, match=f"{len(paid)} payments of binance:perp:BTC/USDT have no mark price"):
        freqtrade.write_funding(bare, tmp_path)
    _, marks = (feather.read_table(path) for path in freqtrade.write_funding(bare, tmp_path, bars=bars))
    opens = dict(zip(bars["open_time"].to_pylist(), bars["open"].to_pylist(), strict=True))
    assert marks["open"].to_pylist() == [opens[time] for time in paid["funding_time"].to_pylist()]
    with pytest.raises(BadRequest, match="no mark price, the first at 2025-05-17T00:00:00"):
        freqtrade.write_funding(bare, tmp_path, bars=client.bars("BTC/USDT", "1h", **DAY, **PERP))


def test_bars_that_a_library_would_misread_are_refused(client: Client) -> None:
    bars = client.bars("BTC/USDT", "1h", **DAY, **PERP)
    with pytest.raises(BadRequest, match="in order of open_time, each once"):
        backtesting.frame(alphaforge_data.concat([bars, bars]))
    with pytest.raises(BadRequest, match="no bars"):
        tables.by_instrument(Frame(bars.to_arrow().slice(0, 0)))
    beyond = client.bars("BTC/USDT", "1h", "2025-06-28", "2025-07-01", gaps="null", **PERP)
    with pytest.raises(MissingBars, match="prices are null"):
        backtesting.frame(beyond)


def test_only_steps_that_nautilus_trader_can_name() -> None:
    names = {one: _length(one) for one in ("1m", "5m", "30m", "1h", "4h", "12h", "1d", "1w")}
    assert list(names.values()) == [
        *("1-MINUTE", "5-MINUTE", "30-MINUTE", "1-HOUR", "4-HOUR", "12-HOUR", "1-DAY", "1-WEEK")
    ]
    for one in ("7m", "45m", "90m", "5h", "2d"):
        with pytest.raises(BadRequest, match=f"'{one}'; nautilus_trader has"):
            _length(one)
