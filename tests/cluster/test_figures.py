"""Figures of docs/reliability.md: a build and pinned reads on two replicas against one server of the same machine.

`make cluster ARGS="-m soak -k figures -s"` prints them. MDW_SOAK_DAYS sets how many days of one-minute bars (30).
"""

import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import alphaforge_data
from tests.cluster.conftest import Cluster
from tests.conftest import Warehouse, start_warehouse
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, kline, land

DAYS = int(os.environ.get("MDW_SOAK_DAYS", "30"))
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
READS = 40
# Minutes after START: nothing else in this folder lands there.
FIRST = 100_000

pytestmark = pytest.mark.soak


def test_figures_of_two_replicas_against_one_server(cluster: Cluster, tmp_path: Path):
    one = start_warehouse(tmp_path / "one")
    dbt_one, dbt_two = Dbt(one, tmp_path / "target"), cluster.dbt(cluster.a)
    said = []
    for what, first, days in (("first build", FIRST, DAYS), ("next build, one day", FIRST + DAYS * 1440, 1)):
        seconds = []
        for warehouse, dbt in ((one, dbt_one), (cluster.a, dbt_two)):
            _land(warehouse, first, days)
            seconds.append(_seconds(partial(dbt.publish, what.split()[0] + "_figures")))
        said.append(f"{what}: one server {seconds[0]:.1f} s, two replicas {seconds[1]:.1f} s, {_ratio(seconds)}")
    for what, read in _reads("next_figures").items():
        # In turn, so that what else the machine does meets both.
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(READS):
            for warehouse, found in zip((one, cluster.a), times, strict=True):
                found.append(_seconds(partial(read, warehouse)) * 1000)
        for name, of in (("minimum", min), ("median", statistics.median)):
            both = [of(found) for found in times]
            said.append(f"{what}, {name}: one server {both[0]:.1f} ms, two replicas {both[1]:.1f} ms, {_ratio(both)}")
    if cluster.can_stop_nodes:
        cluster.control("kill", "b")
        try:
            _land(cluster.a, FIRST + (DAYS + 1) * 1440, 1)
            seconds = [_seconds(lambda: dbt_two.publish("down_figures"))]
            _land(cluster.a, FIRST + (DAYS + 2) * 1440, 1)
            seconds += [_seconds(lambda: dbt_two.publish("still_down_figures"))]
            said.append(f"one day with a node down: {seconds[0]:.1f} s at once, {seconds[1]:.1f} s the next time")
        finally:
            cluster.control("start", "b")
        began = time.monotonic()
        while "is behind" in dbt_two.run("run-operation", "check_nodes").text and time.monotonic() < began + 120:
            pass
        said.append(f"the node serves the newest snapshot {time.monotonic() - began:.1f} s after it is up again")
    print("\n".join(said))  # noqa: T201


def _land(warehouse: Warehouse, first: int, days: int) -> None:
    with warehouse.client("ingest") as client:
        for symbol in SYMBOLS:
            for day in range(days):
                start = first + day * 1440
                land(
                    client,
                    "binance__spot_klines",
                    [kline(number) for number in range(start, start + 1440)],
                    START + timedelta(days=200, minutes=start),
                    series=("binance", "spot", symbol, "1m"),
                    window=(START + start * MINUTE, START + (start + 1440) * MINUTE),
                    proof="rows",
                )


def _reads(snapshot_id: str) -> dict[str, Callable[[Warehouse], object]]:
    start, end = (f"{START + minutes * MINUTE:%Y-%m-%d}" for minutes in (FIRST, FIRST + DAYS * 1440))
    of_one = f"instrument_id = 'binance:spot:ETH/USDT' and timeframe = '1m' and open_time between '{start}' and '{end}'"

    def by_sdk(warehouse: Warehouse) -> Any:
        return _sdk(warehouse, snapshot_id).bars("ETH/USDT", "1m", start, end, venue="binance")

    def by_sql(source: str) -> Callable[[Warehouse], object]:
        query = f"select sum(close) from marts.{source} {of_one}"
        return lambda warehouse: _client(warehouse).query(query)

    return {
        "v_bars_at": by_sql(f"v_bars_at(snapshot_id = '{snapshot_id}') where"),
        "v_bars": by_sql(f"v_bars where snapshot_id = '{snapshot_id}' and"),
        "v_bars_latest": by_sql("v_bars_latest where"),
        "SDK": by_sdk,
    }


_CLIENTS: dict[str, Any] = {}


def _client(warehouse: Warehouse) -> Any:
    return _CLIENTS.setdefault(f"sql {warehouse.settings.home}", warehouse.client())


def _sdk(warehouse: Warehouse, snapshot_id: str) -> Any:
    name = f"sdk {warehouse.settings.home}"
    if name not in _CLIENTS:
        connection = warehouse.settings.connection("admin")
        url = f"http://{connection.user}:{connection.password}@{connection.host}:{connection.http_port}"
        _CLIENTS[name] = alphaforge_data.connect(url, snapshot_id=snapshot_id, cache=False)
    return _CLIENTS[name]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _ratio(both: list[float]) -> str:
    return f"ratio {both[1] / both[0]:.2f}"
