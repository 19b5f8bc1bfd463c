"""Archive and REST have different values for a close and a rate: a warning has both, and publication continues."""

from datetime import datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.audits.seeding import DAY, NOW, land_bars, minutes
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, land, land_archive, milliseconds

CLOCK = {"now": NOW.isoformat()}
SERIES = "binance:spot:BTC/USDT"


def land_file(client: Client, closes: list[str], fetched_at: datetime) -> None:
    """Minutes from START as the archive of Binance writes them."""
    lines = [
        f"{milliseconds(START + n * MINUTE)},{c},{c},{c},{c},2,{milliseconds(START + (n + 1) * MINUTE) - 1},"
        f"{2 * float(c)},7,1,100,0"
        for n, c in enumerate(closes)
    ]
    window = (START, START + len(closes) * MINUTE)
    series = ("binance", "spot", "BTC/USDT", "1m")
    land_archive(client, "binance__archive_spot_klines", lines, fetched_at, series=series, window=window)


def land_payment(client: Client, rate: str, fetched_at: datetime) -> None:
    """The payment at START as REST returns it."""
    record = {"fundingTime": milliseconds(START) + 3, "fundingRate": rate, "markPrice": "100"}
    series = ("binance", "perp", "BTC/USDT", "")
    land(client, "binance__usdm_funding", [record], fetched_at, series=series, window=(START, START + DAY))


def land_payment_file(client: Client, rate: str, fetched_at: datetime) -> None:
    """The payment at START as in the archive."""
    series, window = ("binance", "perp", "BTC/USDT", ""), (START, START + DAY)
    lines = [f"{milliseconds(START)},8,{rate}"]
    land_archive(client, "binance__archive_usdm_funding", lines, fetched_at, series=series, window=window)


def audited(dbt: Dbt, dataset: str = "bars") -> list[tuple[Any, ...]]:
    return dbt.warehouse.rows(
        "select severity, instrument_id, timeframe, rows, toString(range_start), detail, rows_sql "
        "from marts.dq_audit_results where audit = concat({d:String}, '_archive_against_rest') "
        "and dataset = {d:String} and run = (select max(run) from marts.dq_audit_results)",
        d=dataset,
    )


def funding_day(dbt: Dbt) -> list[tuple[Any, ...]]:
    return dbt.warehouse.rows(
        "select toString(condition), reason from marts.v_dataset_condition "
        "where dataset = 'funding' and instrument_id = 'binance:perp:BTC/USDT' and day = '2025-01-01'"
    )


@pytest.mark.soak
def test_lanes_that_differ_warn_and_agree_again(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    land_bars(client, "BTC/USDT", minutes(3), NOW - 3 * DAY)
    land_payment(client, "0.0001", NOW - 3 * DAY)
    dbt.publish("rest", **CLOCK)
    assert funding_day(dbt) == [("available", "")]
    rest = dbt.bars("rest", "close")
    assert [row[0] for row in audited(dbt) + audited(dbt, "funding")] == ["ok", "ok"]

    land_payment_file(client, "0.0002", NOW - 2 * DAY)
    land_file(client, ["100", "100.3", "100"], NOW - 2 * DAY)
    dbt.publish("both", **CLOCK)
    ((severity, *where, detail, sql),) = audited(dbt)
    assert (severity, *where) == ("warn", SERIES, "1m", 1, "2025-01-01 00:01:00.000")
    assert "close is 100.1 by REST and 100.3 in the archive" in str(detail)
    assert len(dbt.warehouse.rows(str(sql))) == 1
    ((severity, *where, detail, sql),) = audited(dbt, "funding")
    assert (severity, *where) == ("warn", "binance:perp:BTC/USDT", "", 1, "2025-01-01 00:00:00.000")
    assert detail == "1 differences, such as: funding_rate is 0.0001 by REST and 0.0002 in the archive"
    assert len(dbt.warehouse.rows(str(sql))) == 1
    assert funding_day(dbt) == [("degraded", "funding_archive_against_rest")]
    assert dbt.bars("both", "close") == [(100.0,), (100.3,), (100.0,)]
    assert dbt.bars("rest", "close") == rest

    land_bars(client, "BTC/USDT", minutes(3, closes=("100", "100.3")), NOW - DAY)
    land_payment(client, "0.0002", NOW - DAY)
    dbt.publish("agreed", **CLOCK)
    assert [row[0] for row in audited(dbt) + audited(dbt, "funding")] == ["ok", "ok"]
    assert funding_day(dbt) == [("available", "")]
    assert dbt.bars("rest", "close") == rest
