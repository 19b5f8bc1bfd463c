"""A pin always shows the same rows; a revision is a new version; unchanged rows are not written again."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from dbt.adapters.clickhouse.connections import ClickHouseConnectionManager

from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, kline, land_klines

DAY = timedelta(days=1)
MONTH = 31 * 24 * 60
OPEN_ROWS = "select count() from marts.bars final where valid_to_version = 4294967295"


def test_revisions_come_in_new_snapshots_and_old_pins_stay(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    land_klines(client, [kline(0, "100.1"), kline(1, "100.2"), kline(2, "100.3")], START + DAY)
    dbt.publish("first")
    first = dbt.bars("first")
    assert dbt.bars("first", "close") == [(100.1,), (100.2,), (100.3,)]
    assert dbt.warehouse.rows("select count() from marts.bars") == [(3,)]

    # The same rows with other page borders and nothing else: no row is added, and the content is the same.
    land_klines(client, [kline(1, "100.2"), kline(2, "100.3")], START + 2 * DAY)
    dbt.publish("second")
    assert dbt.warehouse.rows("select count() from marts.bars") == [(3,)]
    assert [row[2:] for row in dbt.bars("second")] == [row[2:] for row in first]
    hashes = dbt.warehouse.rows("select distinct content_hashes['bars'] from marts.v_snapshots")
    assert len(hashes) == 1

    # One revised value, one late value from an older page, one new bar.
    land_klines(client, [kline(1, "100.9"), kline(3, "100.4")], START + 3 * DAY)
    land_klines(client, [kline(0, "77.0", low="70")], START + DAY - MINUTE)
    dbt.publish("third")
    assert dbt.bars("first") == first
    assert dbt.bars("third", "close") == [(100.1,), (100.9,), (100.3,), (100.4,)]
    assert dbt.warehouse.rows("select snapshot_id, close from marts.v_bars_latest order by open_time") == [
        ("third", close) for (close,) in dbt.bars("third", "close")
    ]
    by_name = "select * from marts.v_bars where snapshot_id = 'first' order by instrument_id, timeframe, open_time"
    assert dbt.warehouse.rows(by_name) == first
    assert dbt.warehouse.rows("select snapshot_id, count() from marts.v_bars group by 1 order by 1") == [
        ("first", 3),
        ("second", 3),
        ("third", 4),
    ]

    # An existing id is left unchanged, with a notice, even if there are new pages.
    land_klines(client, [kline(4)], START + 4 * DAY)
    again = dbt.build("first")
    assert again.succeeded
    assert "snapshot first exists" in again.text
    assert dbt.bars("first") == first
    assert dbt.warehouse.rows("select count() from marts.v_bars_latest") == [(4,)]

    # The manifest, written as deltas, equals a full count over the view.
    full = (
        "select count(), sum(reinterpretAsUInt128(xxh3_128(tuple(instrument_id, venue, market, symbol, timeframe, "
        "open_time, open, high, low, close, volume, quote_volume, trade_count, source, ingested_at)))) "
        "from marts.v_bars_at(snapshot_id = 'third')"
    )
    manifest = (
        "select sum(row_count), sum(content_hash) from (select argMax(row_count, version) as row_count, "
        "argMax(content_hash, version) as content_hash from marts.snapshot_manifest "
        "where dataset = 'bars' and version <= "
        "(select data_version from marts.v_snapshots where snapshot_id = 'third') "
        "group by instrument_id, timeframe, month)"
    )
    assert dbt.warehouse.rows(full) == dbt.warehouse.rows(manifest)


def test_a_build_that_died_half_way_is_repaired(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    klines = [kline(number) for number in range(6)]
    land_klines(client, klines, START + DAY)
    dbt.publish("before")
    before = dbt.bars("before")

    # A build died after half of its rows were written, before it closed superseded rows or marked its page.
    revised = [kline(number, "100.7") for number in range(6)]
    page = land_klines(client, revised, START + 2 * DAY)
    transform = dbt.warehouse.client("transform")
    transform.command(
        "insert into ops.builds (version, invocation_id, state, owner) values (2, 'dead', 'running', 'dead one')"
    )
    transform.command(f"insert into ops.build_pages values ('bars', '{page}', 2, 0)")
    transform.command(
        "insert into marts.bars (* except (close, valid_from_version, valid_to_version, ingested_at), close, "
        "ingested_at, valid_from_version) select * except (close, valid_from_version, valid_to_version, ingested_at), "
        f"100.7, ingested_at + interval 1 day, 2 from marts.bars where open_time < '{START + 3 * MINUTE:%F %T}'"
    )
    assert dbt.bars("before") == before
    assert dbt.warehouse.rows("select count() from marts.v_bars_latest") == [(6,)]

    dbt.publish("after", break_claims_of="dead one")
    assert dbt.bars("before") == before
    assert dbt.bars("after", "close") == [(100.7,)] * 6
    assert dbt.warehouse.rows(OPEN_ROWS) == [(6,)]
    assert dbt.warehouse.rows("select count() from marts.bars final") == [(12,)]


@pytest.mark.soak
def test_a_new_month_takes_one_row_a_bar(dbt: Dbt) -> None:
    """January arrives in two pages with different values for one bar, February without duplicates; both were empty
    before."""
    client = dbt.warehouse.client("ingest")
    land_klines(client, [kline(0, "100.9"), kline(1, "100.2")], START + 60 * DAY)
    land_klines(client, [kline(0, "100.1"), kline(2, "100.3")], START + 59 * DAY)
    land_klines(client, [kline(MONTH, "100.4"), kline(MONTH + 1, "100.5")], START + 60 * DAY)
    dbt.publish("both")
    assert dbt.bars("both", "close") == [(100.9,), (100.2,), (100.3,), (100.4,), (100.5,)]
    assert dbt.warehouse.rows("select count(), countDistinct(open_time) from marts.bars") == [(5, 5)]
    # Reads are as fast as from a plain table: no parts of either month have to be merged while reading.
    parts = "select count(), min(level) > 0 from system.parts where active and database = 'marts' and table = 'bars'"
    assert dbt.warehouse.rows(parts) == [(2, 1)]
    assert dbt.warehouse.rows("select count() from system.tables where name like 'bars\\_\\_%'") == [(0,)]


@pytest.mark.soak
def test_more_months_than_one_statement_merges_lie_in_one_part_each(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    months = [number * MONTH for number in range(14)]
    for revised, close in enumerate(("100.1", "100.2"), start=1):
        pages = [kline(month + minute, close) for month in months for minute in range(revised)]
        land_klines(client, pages, START + 500 * DAY + revised * DAY)
        dbt.publish(f"build-{revised}")
    parts = (
        "select uniqExact(partition), count() from system.parts where active and database = 'marts' and table = 'bars'"
    )
    assert dbt.warehouse.rows(parts) == [(14, 14)]
    assert dbt.bars("build-2", "close") == [(100.2,)] * 28
    assert dbt.bars("build-1", "close") == [(100.1,)] * 14


@pytest.mark.soak
@pytest.mark.parametrize("lost", ["final settings optimize_skip", "version, 1 from ops.build_pages"])
def test_a_build_that_died_after_it_took_in_a_new_month(dbt: Dbt, lost: str) -> None:
    """Its rows are in the mart, unpublished, and its pages may not be marked: the next build adds none again."""
    client = dbt.warehouse.client("ingest")
    land_klines(client, [kline(number) for number in range(6)], START + DAY)
    execute = ClickHouseConnectionManager.execute

    def dies(manager: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        if "bars" in sql and lost in sql:
            raise ConnectionError("the server is gone")
        return execute(manager, sql, *arguments, **options)

    with patch.object(ClickHouseConnectionManager, "execute", dies):
        assert not dbt.build("died").succeeded
    rows = "select count(), max(valid_from_version) from marts.bars"
    assert dbt.warehouse.rows(rows) == [(6, 1)]

    # One bar is revised and one is new before it is run again.
    land_klines(client, [kline(5, "100.7"), kline(6)], START + 2 * DAY)
    dbt.publish("again")
    assert dbt.bars("again", "close") == [(100.5,)] * 5 + [(100.7,), (100.5,)]
    assert dbt.warehouse.rows(OPEN_ROWS) == [(7,)]
    assert dbt.warehouse.rows("select count() from marts.bars final") == [(8,)]
