"""Rows that fail an audit are not published until they are repaired, and readers keep the last good snapshot."""

from datetime import timedelta

import pytest

from tests.dbt.conftest import Dbt
from tests.dbt.pages import START, kline, land_klines

DAY = timedelta(days=1)


def test_a_broken_bar_blocks_until_it_is_fetched_again(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    land_klines(client, [kline(0)], START + DAY)
    dbt.publish("good")
    good = dbt.bars("good")

    land_klines(client, [kline(1, "250")], START + 2 * DAY)
    refused = dbt.build("bad")
    assert not refused.succeeded
    assert "bars_ohlc_invariants" in refused.text
    assert dbt.warehouse.rows("select snapshot_id from marts.v_snapshots") == [("good",)]
    assert dbt.warehouse.rows("select count() from marts.v_bars where snapshot_id = 'bad'") == [(0,)]
    assert dbt.bars("good") == good
    assert dbt.warehouse.rows("select snapshot_id from marts.v_bars_latest") == [("good",)]

    # Nothing new landed: the next build has no bad rows itself, but must not publish either.
    assert not dbt.build("later").succeeded
    assert dbt.warehouse.rows("select snapshot_id from marts.v_snapshots") == [("good",)]

    land_klines(client, [kline(1, "100.8")], START + 3 * DAY)
    dbt.publish("repaired")
    assert dbt.bars("repaired", "close") == [(100.5,), (100.8,)]
    assert dbt.bars("good") == good


@pytest.mark.soak
def test_a_row_that_cannot_be_read_blocks_until_it_is_fetched_again(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    land_klines(client, [kline(0), kline(1, "1OO")], START + DAY)
    refused = dbt.build("bad")
    assert not refused.succeeded
    assert "rejected_rows_are_resolved" in refused.text
    assert dbt.warehouse.rows("select instrument_id, toString(event_time), reason from marts.dq_rejected_rows") == [
        ("binance:spot:BTC/USDT", "2025-01-01 00:01:00.000", "close is not a valid value: 1OO")
    ]

    land_klines(client, [kline(0), kline(1, "100")], START + 2 * DAY)
    dbt.publish("repaired")
    assert dbt.bars("repaired", "close") == [(100.5,), (100,)]
