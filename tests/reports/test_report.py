"""The report on a real warehouse matches what landed."""

from dataclasses import replace
from pathlib import Path

import pytest

from mdw.reports import data_quality
from mdw.reports.data_quality import queries
from mdw.reports.data_quality.data import Audits, DayState, Finding, Report
from tests.conftest import Warehouse
from tests.dbt.pages import MINUTE, START
from warehouse.embedded import up
from warehouse.migrate import migrate
from warehouse.settings import Settings
from warehouse.snapshots import registry
from warehouse.snapshots.protection import set_withdrawn

BTC = "binance spot BTC/USDT 1m"


@pytest.fixture(scope="module")
def collected(published: Warehouse) -> Report:
    return data_quality.collect(published.settings)


def test_it_names_the_newest_snapshot(collected: Report) -> None:
    assert collected.snapshot is not None
    assert (collected.snapshot.snapshot_id, collected.snapshot.data_version) == ("second", 2)
    assert {name: rows for name, rows, _ in collected.snapshot.datasets}["bars"] == 7


def test_missing_minutes_are_a_gap_of_the_venue_and_the_day_is_incomplete(collected: Report) -> None:
    gaps = {(total.label, total.kind): total for total in collected.gaps}
    outage = gaps[BTC, "venue_outage"]
    assert (outage.ranges, outage.missing) == (1, 2)
    assert (outage.longest[0].start, outage.longest[0].end) == (START + 3 * MINUTE, START + 5 * MINUTE)
    coverage = collected.coverage
    assert coverage is not None
    row, day = coverage.labels.index(BTC), (START.date() - coverage.first_day).days
    assert coverage.bars[row, day] == 4
    assert coverage.states[row, day] == DayState.VENUE_PART
    # Before the first bar, with no known listing: not requested, so not_fetched.
    assert gaps[BTC, "not_fetched"].missing == (START - gaps[BTC, "not_fetched"].longest[0].start) / MINUTE
    assert coverage.states[row, day - 1] == DayState.OURS_ALL


def test_a_revised_bar_counts_as_revised_and_not_as_new(collected: Report) -> None:
    assert [(build.name, build.new, build.revised) for build in collected.revisions] == [
        ("build 1", 6, 0),
        ("build 2", 1, 1),
    ]
    assert collected.revised_series == ((BTC, 1, "build 2"),)


def test_spread_is_the_distance_from_the_median_of_the_venues(collected: Report) -> None:
    assert {(item.symbol, item.venue) for item in collected.spreads} == {
        ("BTC/USDT", "binance"),
        ("BTC/USDT", "bybit"),
    }
    worst = max(float(item.worst.max()) for item in collected.spreads)
    # Closes 100.5 and 102.51 in the first minute: the median is 101.505.
    assert worst == pytest.approx((102.51 / 101.505 - 1) * 1e4, rel=1e-4)


def test_freshness_names_every_series_of_the_universe_also_those_without_a_record(collected: Report) -> None:
    by_label = {series.label: series for series in collected.freshness}
    assert by_label[BTC].newest == START + 6 * MINUTE
    assert by_label[BTC].late
    assert by_label["okx spot SOL/BTC 1h"].newest is None
    assert by_label["okx spot SOL/BTC 1h"].late


def test_a_warning_carries_its_sql_and_a_runbook(collected: Report) -> None:
    found = {finding.audit: finding for finding in collected.audits.findings}
    turnover = found["bars_turnover_between_low_and_high"]
    assert (turnover.severity, turnover.rows) == ("warn", 1)
    assert "quote_volume" in turnover.sql
    assert collected.audits.passed > 5


def test_the_page_holds_the_figures_as_tables_too(collected: Report) -> None:
    page = data_quality.render(collected)
    for text in (
        "<code>second</code>",
        BTC,
        "venue outage",
        "bars_turnover_between_low_and_high",
        'id="runbook-repair_a_gap"',
    ):
        assert text in page


def test_a_warehouse_without_a_snapshot_gets_a_report_that_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "mdw", clickhouse_url=None)
    up(settings)
    try:
        migrate(settings)
        page = data_quality.write(settings, tmp_path / "reports" / "empty.html").read_text()
    finally:
        from warehouse.embedded import down

        down(settings)
    assert "No snapshot is published yet" in page


def test_a_day_is_classed_by_its_worst_gap() -> None:
    import numpy as np

    from mdw.reports.data_quality.data import GAP_CLASSES, day_states

    bars = np.array([[0, 1440, 1400, 0, 1400, 0, 0]], np.uint32)
    lost = {kind: np.zeros_like(bars) for kind in GAP_CLASSES}
    lost["before_listing"][0, 0] = 1440
    lost["venue_outage"][0, 2:4] = 40, 1440
    lost["not_fetched"][0, 4:6] = 40, 1440
    states = day_states(bars, lost, np.array([[True] * 6 + [False]]))
    assert list(states[0]) == [
        DayState.NOT_EXPECTED,
        DayState.COMPLETE,
        DayState.VENUE_PART,
        DayState.VENUE_ALL,
        DayState.OURS_PART,
        DayState.OURS_ALL,
        DayState.NOT_EXPECTED,
    ]


def test_ages_read_as_people_say_them() -> None:
    from mdw.reports.data_quality.wording import age

    assert [age(s) for s in (None, 0.4, 59, 61, 3600, 100 * 3600, 40 * 86400)] == [
        "no record",
        "now",
        "59 s",
        "1 min 1 s",
        "1 h",
        "4 d 4 h",
        "40 d",
    ]


def test_the_newest_run_of_the_audits_table_is_shown_worst_first(warehouse: Warehouse, tmp_path: Path) -> None:
    from mdw.reports.data_quality import audits

    with warehouse.client() as client:
        client.command(
            "create table marts.dq_audit_results (run UInt32, audit String, severity String, instrument_id String, "
            "timeframe String, range_start Nullable(DateTime64(3, 'UTC')), range_end Nullable(DateTime64(3, 'UTC')), "
            "rows UInt64, detail String, first_seen DateTime64(3, 'UTC'), runbook String, rows_sql String) "
            "engine = MergeTree order by run"
        )
        page = "runbooks/repair_a_gap.md#bars_missing"
        client.command(
            "insert into marts.dq_audit_results values "
            "(1, 'old', 'error', '', '', null, null, 1, '', '2025-01-01', '', ''), "
            f"(2, 'bars_missing', 'warn', 'okx:spot:BTC/USDT', '1m', '2025-01-01', '2025-01-02', 9, 'holes', "
            f"'2025-01-03', '{page}', 'select 1'), "
            "(2, 'bars_one_open_row', 'error', '', '', null, null, 2, 'twice', '2025-01-03', '', ''), "
            "(2, 'bars_fresh', 'ok', '', '', null, null, 0, '', '2025-01-03', '', '')"
        )
    with warehouse.client("auditor") as client:
        found = audits.collect(client, tmp_path)
    assert [finding.audit for finding in found.findings] == ["bars_one_open_row", "bars_missing"]
    assert found.passed == 1
    missing = found.findings[1]
    assert missing.where == "okx:spot:BTC/USDT 1m, 2025-01-01 to 2025-01-02"
    assert (missing.rows, missing.sql, missing.runbook) == (9, "select 1", "repair_a_gap#bars_missing")


def finding(number: int, severity: str = "warn", detail: str = "nothing fetched before 2025-06-17") -> Finding:
    where = f"binance spot C{number}/USDT 1m"
    return Finding("bars_missing", severity, where, None, 10, f"{detail}: {number} bars", "select 1", "repair_a_gap")


def test_findings_that_differ_only_in_series_and_figures_are_one() -> None:
    audits = Audits((finding(1), finding(22), finding(3, detail="the venue had no trade"), finding(4, "error")))
    assert [(cause.number, len(cause.findings), cause.rows) for cause in audits.causes] == [
        (0, 2, 20),
        (2, 1, 10),
        (3, 1, 10),
    ]
    assert (audits.count("warn"), audits.count("error")) == (2, 1)


def test_a_withdrawn_snapshot_is_the_headline(published: Warehouse, collected: Report) -> None:
    assert collected.snapshot is not None
    assert collected.snapshot.withdrawn is None
    with published.client() as client:
        (newest,) = (one for one in registry.published(client) if one.snapshot_id == "second")
        set_withdrawn(client, newest, "a <bad> feed", "ada")
        marked = queries.newest_snapshot(client)
        (newest,) = (one for one in registry.published(client) if one.snapshot_id == "second")
        set_withdrawn(client, newest, None, "ada")
    page = data_quality.render(replace(collected, snapshot=marked))
    assert "Snapshot second was withdrawn as known to be bad: a &lt;bad&gt; feed" in page
    assert "<dt>Withdrawn</dt>" in page
    assert "<dt>Withdrawn</dt>" not in data_quality.render(collected)


def test_a_refused_build_is_distinguished_from_the_published_snapshot(collected: Report) -> None:
    refused = replace(collected, audits=Audits((finding(1, "error"),), run=3))
    page = data_quality.render(refused)
    assert refused.refused
    assert "Build 3 was not published: 1 audit error. Readers keep snapshot second" in page
    assert "The errors are of build 3, whose rows no reader sees." in page
    assert "audit errors of the build that was not published" in page
    # Errors in published data are another case.
    shown = replace(collected, audits=Audits((finding(1, "error"),), run=2))
    assert not shown.refused
    assert "1 audit error in what snapshot second shows" in data_quality.render(shown)
