"""Warehouses made by earlier revisions, and what their pins showed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conftest import Warehouse
from tests.dbt.pages import START, kline, land_klines
from tests.upgrades import stored
from warehouse import embedded, snapshots
from warehouse.settings import Settings
from warehouse.snapshots.verify import Verification, verify

WAREHOUSES = Path(__file__).parent / "warehouses"
# An hour after the newest bar of the fixtures; the build's clock.
NOW = datetime(2025, 7, 1, 3, 10, tzinfo=UTC)
ORDER = {
    "bars": "instrument_id, timeframe, open_time",
    "funding": "instrument_id, funding_time",
    "instruments": "instrument_id, valid_from",
    "fear_greed": "date",
}


@contextmanager
def warehouse_of(revision: str, home: Path) -> Iterator[Warehouse]:
    """A server with the revision's warehouse, untouched by current code."""
    settings = Settings(home=home, clickhouse_url=None, now=NOW)
    embedded.up(settings)
    running = Warehouse(settings)
    try:
        with running.client() as client:
            stored.load(client, WAREHOUSES / f"{revision}.zip")
        yield running
    finally:
        running.kill()


def pinned(warehouse: Warehouse, snapshot_id: str, columns: dict[str, str] | None = None) -> dict[str, Any]:
    """Every row of a pin by dataset, through v_*_at and v_*; `columns` as the views had them, default all."""
    shown = {}
    for dataset, order in ORDER.items():
        names = (columns or {}).get(dataset, "*")
        for source in (
            f"v_{dataset}_at(snapshot_id = {{id:String}})",
            f"v_{dataset} where snapshot_id = {{id:String}}",
        ):
            query = f"select {names} from marts.{source} order by {order}"
            shown[source] = warehouse.rows(query, id=snapshot_id)
    return shown


def columns_of_views(warehouse: Warehouse) -> dict[str, str]:
    """Names of the columns that the readers' views have, by dataset."""
    query = (
        "select arrayStringConcat(groupArray(name), ', ') from (select name from system.columns "
        "where database = 'marts' and table = {view:String} order by position)"
    )
    return {dataset: str(warehouse.rows(query, view=f"v_{dataset}")[0][0]) for dataset in ORDER}


def verified(warehouse: Warehouse) -> dict[str, Verification]:
    """`mdw snapshot verify --all`."""
    with warehouse.client("auditor") as client:
        return {one.snapshot_id: verify(client, one) for one in snapshots.published(client)}


def land_next_hour(warehouse: Warehouse) -> None:
    """Ten more bars of the fixtures' series, at its last price."""
    last = warehouse.rows(
        "select argMax(close, open_time), max(open_time) from marts.bars "
        "where instrument_id = 'binance:spot:BTC/USDT' and timeframe = '1m'"
    )[0]
    price = str(last[0])
    first = (last[1].replace(tzinfo=UTC) - START).total_seconds() // 60 + 1  # type: ignore[attr-defined]
    flat = {"open": price, "high": price, "low": price, "volume": "0"}
    klines = [[*kline(int(first) + n, price, **flat)[:7], "0", *kline(0)[8:]] for n in range(10)]
    land_klines(warehouse.client(), klines, NOW)
