"""Bad data of every kind, landed as raw pages: detected, reported, not published; older pins can still be read."""

from tests.audits import test_conflicting_rows, test_inexact_prices, test_lane_differences
from tests.dbt.conftest import Dbt, Outcome
from tests.live import test_line

# (audit, series) seeded by tests/audits/bad_rows.py. Errors block publication.
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
    ("instruments_one_open_row", "binance:spot:BTC/USDT", ""),
    ("instruments_symbol_of_parts", "binance:spot:ETH/USDT", ""),
    ("fear_greed_between_0_and_100", "", ""),
    ("fear_greed_not_in_the_future", "", ""),
    ("fear_greed_one_open_row", "", ""),
    ("rejected_rows_are_resolved", "binance:spot:XRP/USDT", "1m"),
    ("manifest_of_the_newest_snapshot", "binance:spot:BTC/USDT", "1m"),
}
WARNINGS = {
    ("bars_turnover_between_low_and_high", "binance:perp:BNB/USDT", "1m"),
    ("bars_series_of_the_universe", "binance:spot:DOGE/USDT", "1m"),
    ("bars_readable", "binance:spot:BNB/USDT", "1m"),
    ("bars_missing", "binance:perp:BNB/USDT", "1m"),
    ("bars_before_listing", "binance:perp:BNB/USDT", "1h"),
    ("bars_jump_across_gap", "binance:perp:BNB/USDT", "1h"),
    ("funding_before_listing", "binance:perp:BNB/USDT", ""),
    ("funding_without_bars", "binance:perp:BNB/USDT", ""),
    ("bars_fresh", "binance:perp:BNB/USDT", "1m"),
    ("funding_on_the_hour", "binance:perp:SOL/USDT", ""),
    ("funding_readable", "binance:perp:ETH/USDT", ""),
    ("funding_one_per_interval", "binance:perp:BNB/USDT", ""),
    ("funding_fresh", "binance:perp:BNB/USDT", ""),
    ("instruments_readable", "binance:spot:ETH/USDT", ""),
    ("instruments_sane_steps", "binance:spot:BTC/USDT", ""),
    ("instruments_known_status", "binance:spot:ETH/USDT", ""),
    ("instruments_of_the_universe_present", "binance:spot:SOL/BTC", ""),
    ("fear_greed_every_day", "", ""),
    ("listings_are_whole", "", ""),
}
EXPLAINED = {
    ("funding_interval_changes", "binance:perp:BTC/USDT", ""),
    ("instruments_changes", "binance:spot:BTC/USDT", ""),
}
# Findings of the valid snapshot: one value of the index, ten days old.
WARNED_BEFORE = {("fear_greed_fresh", "", "")}
# Seeded by another test, because the cause is the pipeline and not a page.
SOWN_ELSEWHERE = {
    "bars_prices_keep_their_text": test_inexact_prices.test_a_price_that_lost_its_text_is_not_published,
    "conflicting_rows": test_conflicting_rows.test_each_conflict_blocks_and_is_named_under_its_dataset,
    "funding_archive_against_rest": test_lane_differences.test_lanes_that_differ_warn_and_agree_again,
    "bars_archive_against_rest": test_lane_differences.test_lanes_that_differ_warn_and_agree_again,
    "bars_live_against_rest": test_line.test_one_update_and_build_leave_the_market,
}


def results(dbt: Dbt, severity: str, run: int = 2) -> set[tuple[object, ...]]:
    return set(
        dbt.warehouse.rows(
            "select audit, instrument_id, timeframe from marts.dq_audit_results "
            "where run = {r:UInt32} and severity = {s:String}",
            r=run,
            s=severity,
        )
    )


def test_every_declared_audit_is_seeded(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    sown = {audit for audit, *_ in ERRORS | WARNINGS | EXPLAINED | WARNED_BEFORE}
    catalog = {row[0] for row in dbt.warehouse.rows("select distinct audit from marts.dq_audit_results where run = 2")}
    assert sown | set(SOWN_ELSEWHERE) == catalog


def test_every_error_is_named_with_its_series(refused: tuple[Dbt, Outcome]) -> None:
    dbt, outcome = refused
    assert not outcome.succeeded
    assert results(dbt, "error") >= ERRORS
    for audit, *_ in ERRORS:
        assert f"audit {audit}: " in outcome.text, "dbt itself must say which audit failed, and where"


def test_every_finding_is_filed_under_the_dataset_of_its_rows(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    filed = dbt.warehouse.rows("select distinct audit, dataset from marts.dq_audit_results where severity != 'ok'")
    raw = {
        "rejected_rows_are_resolved": "bars",
        "manifest_of_the_newest_snapshot": "snapshots",
        "listings_are_whole": "fear_greed",
    }
    datasets = ("bars", "funding", "instruments", "fear_greed")
    assert dict(filed) == {
        str(audit): raw.get(str(audit)) or next(name for name in datasets if str(audit).startswith(f"{name}_"))
        for audit, _ in filed
    }


def test_the_venue_that_is_wrong_is_named_alone(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    lonely = [row[1:] for row in results(dbt, "error") if row[0] == "bars_price_against_other_venues"]
    assert lonely == [("binance:spot:BTC/USDT", "1m")]


def test_warnings_and_what_is_explained_are_listed(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    assert results(dbt, "warn") >= WARNINGS
    assert results(dbt, "info") >= EXPLAINED
    assert results(dbt, "warn", run=1) >= WARNED_BEFORE


def test_nothing_of_it_is_published_and_the_old_pin_reads_on(refused: tuple[Dbt, Outcome]) -> None:
    dbt, _ = refused
    assert dbt.warehouse.rows("select snapshot_id from marts.v_snapshots") == [("good",)]
    assert len(dbt.bars("good")) == 31  # 30 valid bars, and the row written by hand that the manifest audit reports
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
