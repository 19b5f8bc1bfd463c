"""The archive tells another close than REST: a warning that names both, publication goes on, the older pin stays."""

from datetime import datetime

from clickhouse_connect.driver.client import Client

from tests.audits.seeding import DAY, NOW, START, land_bars, minutes
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, land_archive, milliseconds

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


def audited(dbt: Dbt) -> list[tuple[object, ...]]:
    return dbt.warehouse.rows(
        "select severity, instrument_id, timeframe, rows, toString(range_start), detail, rows_sql "
        "from marts.dq_audit_results where audit = 'bars_archive_against_rest' "
        "and run = (select max(run) from marts.dq_audit_results)"
    )


def test_lanes_that_differ_warn_and_agree_again(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    land_bars(client, "BTC/USDT", minutes(3), NOW - 3 * DAY)
    dbt.publish("rest", **CLOCK)
    rest = dbt.bars("rest", "close")
    assert [row[0] for row in audited(dbt)] == ["ok"]

    land_file(client, ["100", "100.3", "100"], NOW - 2 * DAY)
    dbt.publish("both", **CLOCK)
    ((severity, *where, detail, sql),) = audited(dbt)
    assert (severity, *where) == ("warn", SERIES, "1m", 1, "2025-01-01 00:01:00.000")
    assert "close is 100.1 by REST and 100.3 in the archive" in str(detail)
    assert len(dbt.warehouse.rows(str(sql))) == 1
    assert dbt.bars("both", "close") == [(100.0,), (100.3,), (100.0,)]
    assert dbt.bars("rest", "close") == rest

    land_bars(client, "BTC/USDT", minutes(3, closes=("100", "100.3")), NOW - DAY)
    dbt.publish("agreed", **CLOCK)
    assert [row[0] for row in audited(dbt)] == ["ok"]
    assert dbt.bars("rest", "close") == rest
