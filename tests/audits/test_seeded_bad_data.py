"""Bad data of every kind, landed as raw pages: caught, named, not published; older pins still read."""

from datetime import timedelta

import pytest

from tests.audits.seeding import (
    DAY,
    HOUR,
    NOW,
    START,
    bar,
    land_bars,
    land_elsewhere,
    land_fear_greed,
    land_funding,
    land_listing,
    minutes,
)
from tests.dbt.conftest import Dbt, Outcome
from tests.dbt.pages import MINUTE

CLOCK = {"now": NOW.isoformat()}
BTC, ETH, SOL, XRP, BNB = (f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "BNB"))

# (audit, series) of what is sown below. Errors keep the build from publishing.
ERRORS = {
    ("bars_ohlc_invariants", "binance:spot:ETH/USDT", "1m"),
    ("bars_positive_prices", "binance:spot:SOL/USDT", "1m"),
    ("bars_non_negative_volume", "binance:spot:XRP/USDT", "1m"),
    ("bars_on_the_grid", "binance:spot:SOL/BTC", "1m"),
    ("bars_not_in_the_future", "binance:spot:ETH/BTC", "1m"),
    ("bars_known_timeframe", "binance:spot:BTC/USDT", "7m"),
    ("bars_not_unfinished", "binance:perp:BTC/USDT", "1m"),
    ("bars_hour_equals_its_minutes", "binance:perp:ETH/USDT", "1h"),
    ("bars_return_outliers", "binance:perp:SOL/USDT", "1m"),
    ("bars_flat_runs", "binance:perp:XRP/USDT", "1h"),
    ("bars_price_against_other_venues", "binance:spot:BTC/USDT", "1m"),
    ("bars_one_open_row", "binance:spot:BTC/USDT", "1m"),
    ("funding_within_bounds", "binance:perp:BTC/USDT", ""),
    ("funding_positive_mark_price", "binance:perp:ETH/USDT", ""),
    ("funding_one_per_interval", "binance:perp:SOL/USDT", ""),
    ("funding_not_in_the_future", "binance:perp:XRP/USDT", ""),
    ("funding_one_open_row", "binance:perp:BTC/USDT", ""),
    ("instruments_positive_steps", "binance:spot:ETH/USDT", ""),
    ("instruments_sane_steps", "binance:spot:BTC/USDT", ""),
    ("instruments_one_open_row", "binance:spot:BTC/USDT", ""),
    ("fear_greed_between_0_and_100", "", ""),
    ("fear_greed_not_in_the_future", "", ""),
    ("fear_greed_one_open_row", "", ""),
    ("rejected_rows_are_resolved", "binance:spot:XRP/USDT", "1m"),
    ("manifest_of_the_newest_snapshot", "binance:spot:BTC/USDT", "1m"),
}
WARNINGS = {
    ("bars_turnover_between_low_and_high", "binance:perp:BNB/USDT", "1m"),
    ("bars_series_of_the_universe", "binance:spot:DOGE/USDT", "1m"),
    ("bars_missing", "binance:perp:BNB/USDT", "1m"),
    ("bars_fresh", "binance:perp:BNB/USDT", "1m"),
    ("funding_on_the_hour", "binance:perp:SOL/USDT", ""),
    ("funding_one_per_interval", "binance:perp:BNB/USDT", ""),
    ("funding_fresh", "binance:perp:BNB/USDT", ""),
    ("instruments_known_status", "binance:spot:ETH/USDT", ""),
    ("instruments_of_the_universe_present", "binance:spot:SOL/BTC", ""),
    ("fear_greed_every_day", "", ""),
}
EXPLAINED = {
    ("funding_interval_changes", "binance:perp:BTC/USDT", ""),
    ("instruments_changes", "binance:spot:BTC/USDT", ""),
}


def sow_bars(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    after = START + 2 * HOUR
    land_bars(client, ETH, [bar(START), bar(START + MINUTE, "100", high="99")])
    land_bars(client, SOL, [bar(START), bar(START + MINUTE, "0.001", low="0")])
    land_bars(client, XRP, [bar(START), bar(START + MINUTE, volume="-1"), bar(START + 2 * MINUTE, open="1OO")])
    land_bars(client, "SOL/BTC", [bar(START), bar(START + timedelta(seconds=90))])
    land_bars(client, "ETH/BTC", [bar(START), bar(NOW + HOUR)], NOW + DAY)
    land_bars(client, BTC, [bar(after)], timeframe="7m")
    land_bars(client, "DOGE/USDT", [bar(START)])
    land_bars(client, BTC, [bar(after)], after + timedelta(seconds=30), market="perp", server_time=after + HOUR)
    land_bars(client, ETH, minutes(60), market="perp")
    land_bars(client, ETH, [bar(START, "100.1", HOUR, open="100", high="120")], market="perp", timeframe="1h")
    land_bars(client, SOL, [*minutes(3), *minutes(1, START + 3 * MINUTE, ("400",))], market="perp")
    flat = [bar(START + number * HOUR, "100", HOUR) for number in range(24)]
    land_bars(client, XRP, flat, market="perp", timeframe="1h")
    land_bars(client, BNB, [bar(START), bar(START + 2 * MINUTE, turnover="999")], market="perp")
    # Of three venues one is far from the two others, which agree: it is named alone.
    wrong = [*minutes(2, after), bar(after + 2 * MINUTE, "150"), bar(after + 3 * MINUTE, "150")]
    land_bars(client, BTC, [bar(START + number * MINUTE, "150") for number in range(5, 8)])
    land_bars(client, BTC, wrong[:2])


def sow_others(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    hours = (0, 8, 16, 20, 24)
    land_funding(client, BTC, [(hour, "0.0001" if hour else "0.5", "100") for hour in hours])
    land_funding(client, ETH, [(0, "0.0001", "-1"), (8, "0.0001", "100")])
    land_funding(client, SOL, [(0, "0.0001", "100"), (0.5, "0.0001", "100")])
    land_funding(client, XRP, [(24 * 11, "0.0001", "100")])
    land_funding(client, BNB, [(0, "0.0001", "100"), (8, "0.0001", "100"), (24, "0.0001", "100")])
    land_listing(client, NOW - DAY, (BTC, "TRADING", "1000"), (ETH, "LIMBO", "0"))
    land_fear_greed(client, [(1, "150"), (5, "20"), (11, "20")])


def tamper(dbt: Dbt) -> None:
    """Rows that no build writes: as after a crash, or by a stranger's hand."""
    with dbt.warehouse.client("admin") as client:
        for mart, condition in (
            ("bars", f"open_time = '{START:%Y-%m-%d %H:%M:%S}' and venue = 'binance' and symbol = 'BTC/USDT'"),
            ("funding_rates", "true"),
            ("instruments", "symbol = 'BTC/USDT'"),
            ("fear_greed", "true"),
        ):
            client.command(
                f"insert into marts.{mart} select * replace (0 as valid_from_version) from marts.{mart} final "
                f"where valid_to_version = 4294967295 and {condition} limit 1"
            )


@pytest.fixture(scope="module")
def refused(module_dbt: Dbt) -> tuple[Dbt, Outcome]:
    """A sound snapshot, then a build of everything bad."""
    client = module_dbt.warehouse.client("ingest")
    closes = ["100", "100.1"] * 5
    land_bars(client, BTC, minutes(10), NOW - 2 * DAY)
    land_elsewhere(client, BTC, closes, NOW - 2 * DAY)
    land_funding(client, BTC, [(-8, "0.0001", "100")])
    land_listing(client, NOW - 2 * DAY, (BTC, "TRADING", "0.01"), (ETH, "TRADING", "0.01"))
    land_fear_greed(client, [(0, "50")], NOW - 2 * DAY)
    module_dbt.publish("good", **CLOCK)
    sow_bars(module_dbt)
    sow_others(module_dbt)
    tamper(module_dbt)
    return module_dbt, module_dbt.build("bad", **CLOCK)


def results(dbt: Dbt, severity: str) -> set[tuple[object, ...]]:
    return set(
        dbt.warehouse.rows(
            "select audit, instrument_id, timeframe from marts.dq_audit_results "
            "where run = (select max(run) from marts.dq_audit_results) and severity = {s:String}",
            s=severity,
        )
    )


def test_every_error_is_named_with_its_series(refused: tuple[Dbt, Outcome]) -> None:
    dbt, outcome = refused
    assert not outcome.succeeded
    assert results(dbt, "error") >= ERRORS
    for audit, *_ in ERRORS:
        assert f"audit {audit}: " in outcome.text, "dbt itself must say which audit failed, and where"


def test_the_venue_that_is_wrong_is_named_alone(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    lonely = [row[1:] for row in results(dbt, "error") if row[0] == "bars_price_against_other_venues"]
    assert lonely == [("binance:spot:BTC/USDT", "1m")]


def test_warnings_and_what_is_explained_are_listed(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    assert results(dbt, "warn") >= WARNINGS
    assert results(dbt, "info") >= EXPLAINED


def test_nothing_of_it_is_published_and_the_old_pin_reads_on(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    assert dbt.warehouse.rows("select snapshot_id from marts.v_snapshots") == [("good",)]
    assert len(dbt.bars("good")) == 31  # 30 sound bars, and the stranger's row that the manifest tells
    assert dbt.warehouse.rows("select count() from marts.v_bars where snapshot_id = 'bad'") == [(0,)]


def test_each_finding_lists_its_rows_by_sql_and_has_a_runbook(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    findings = dbt.warehouse.rows(
        "select audit, rows, rows_sql, runbook, detail, first_seen from marts.dq_audit_results "
        "where run = (select max(run) from marts.dq_audit_results) and severity = 'error' and dataset != 'snapshots'"
    )
    for audit, rows, sql, runbook, detail, _ in findings:
        assert len(dbt.warehouse.rows(str(sql))) >= int(str(rows)) > 0, f"{audit}: {sql}"
        assert runbook == f"runbooks/audits.md#{audit}"
        assert detail
