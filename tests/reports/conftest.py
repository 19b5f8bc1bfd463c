"""A small published warehouse shared by the tests of this folder: gaps, a revision, two venues, a warning."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.conftest import Warehouse, start_warehouse
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, kline, land, land_klines, milliseconds
from tests.needs import missing
from tests.reports.chromium import find_chromium
from warehouse import embedded

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Snapshots first (build 1) and second (build 2)."""
    running = start_warehouse(tmp_path_factory.mktemp("report") / "mdw")
    dbt = Dbt(running, running.settings.home / "dbt" / "target")
    with running.client("ingest") as client:
        # Minutes 3 and 4 were requested and do not exist.
        land_klines(client, [kline(number) for number in (0, 1, 2, 5)], START + DAY)
        bars = [[str(milliseconds(START + n * MINUTE)), "100", "103", "99", "102.51", "2", "202"] for n in (1, 0)]
        land(
            client,
            "bybit__spot_klines",
            {"retCode": 0, "result": {"category": "spot", "symbol": "BTCUSDT", "list": bars}},
            START + DAY,
            series=("bybit", "spot", "BTC/USDT", "1m"),
            window=(START, START + 2 * MINUTE),
        )
        dbt.publish("first", snapshot_note="a note")
        land_klines(client, [kline(1, "100.9"), kline(2)], START + 2 * DAY)
        # Impossible turnover: a warning.
        land_klines(client, [kline(0, volume="0.001")], START + 2 * DAY, symbol="ETH/USDT")
        dbt.publish("second")
    yield running
    if embedded.status(running.settings).running:
        running.kill()


@pytest.fixture
def chromium() -> str:
    """Path of the browser; the test is skipped if there is none."""
    found = find_chromium()
    if found is None:
        missing("chromium", "no Chromium on this machine: install chromium to run the tests of the pages")
    return found
