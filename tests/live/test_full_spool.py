"""ClickHouse is away for longer than the spool has room: nothing is lost that REST still has."""

import pytest

from dlt_pipelines.core.series import Series
from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.live.world import MINUTE_MS, Running, until
from warehouse import embedded

START_MS = parse_instant("2025-03-04T10:00:00Z")
SERIES = [Series("bars", "okx", "spot", name, "1m") for name in ("BTC/USDT", "ETH/USDT")]


def stored(warehouse: Warehouse) -> dict[str, set[int]]:
    """Open times by symbol of bars in closed frames and in responses to the gap task."""
    rows = warehouse.rows(
        "select symbol, toUnixTimestamp64Milli(window_start), toUnixTimestamp64Milli(window_end) "
        "from raw.okx__live_spot_candles"
    )
    found: dict[str, set[int]] = {one.symbol: set() for one in SERIES}
    for symbol, start, end in rows:
        found[symbol].update(range(start, end, MINUTE_MS))
    return found


def writer_fails(running: Running) -> bool:
    return running.reader.writer is not None and running.reader.writer.failing_since is not None


def dropped_bars(running: Running) -> set[int]:
    return running.reader._dropped_bars.get(SERIES[0], set())


@pytest.mark.soak
def test_dropped_bars_are_requested_again_once_clickhouse_is_back(warehouse: Warehouse) -> None:
    with ReplayServer(SyntheticMarket(5), clock=Clock(START_MS, ticking=True, speed=30.0)) as server:
        with Running(warehouse, server, SERIES, quotes=False, spool_bytes=3_000) as running:
            okx = running.follower("okx")
            until(lambda: len(stored(warehouse)["BTC/USDT"]) > 0, 30, "a bar in ClickHouse")
            warehouse.kill()
            # Until the writer has noticed, dropped bars are requested at once.
            until(lambda: writer_fails(running), 30, "a failed insert")
            until(lambda: len(dropped_bars(running)) >= 2, 60, "dropped bars")
            # They are not requested while they would only drop others.
            asked = okx.rest.calls
            dropped = {series: set(opens) for series, opens in running.reader._dropped_bars.items()}
            until(lambda: len(dropped_bars(running)) > len(dropped[SERIES[0]]), 30, "one more")
            assert okx.rest.calls - asked < 5
            end_ms = server.clock.now_ms() // MINUTE_MS * MINUTE_MS
            embedded.up(warehouse.settings)
            wanted = set(range(min(dropped[SERIES[0]]), end_ms, MINUTE_MS))
            until(lambda: all(opens >= wanted for opens in stored(warehouse).values()), 90, "every bar")
        told = warehouse.rows("select count() > 0 from ops.live_events where kind = 'dropped' and cause = 'spool'")
        assert told == [(1,)], "each loss is an event"
        assert running.complete
