"""Bad rows that the exchange does not correct: withheld by a recorded decision, kept, and restored by a release or a
revision."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from mdw.cli.entry_point import app
from mdw.reports import data_quality
from tests.audits.seeding import DAY, NOW, bar, land_bars, minutes
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START
from warehouse.errors import BadInput

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

CLOCK = {"now": NOW.isoformat()}
BAD = START + 3 * MINUTE
SERIES = "binance:spot:BTC/USDT"


def mdw(*arguments: str) -> Any:
    ended = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    return json.loads(ended.stdout)


def condition(dbt: Dbt, instrument: str) -> list[tuple[Any, ...]]:
    return dbt.warehouse.rows(
        "select toString(condition), reason from marts.v_dataset_condition where dataset = 'bars' "
        "and instrument_id = {i:String} and timeframe = '1m' and day = '2025-01-01'",
        i=instrument,
    )


def test_a_quarantine_withholds_a_release_brings_back_a_revision_heals(dbt: Dbt, monkeypatch: pytest.MonkeyPatch):
    for name, value in {**dbt.warehouse.environment, "MDW_AUTHOR": "ada"}.items():
        monkeypatch.setenv(name, value)
    client = dbt.warehouse.client("ingest")
    land_bars(client, "BTC/USDT", minutes(6), NOW - 3 * DAY)
    land_bars(client, "ETH/USDT", minutes(1440), NOW - 3 * DAY)
    dbt.publish("good", **CLOCK)
    good = dbt.bars("good")
    assert condition(dbt, "binance:spot:ETH/USDT") == [("available", "")]

    # The venue revises a bar to a wrong value, and more bars arrive with it.
    land_bars(client, "BTC/USDT", [bar(BAD, "100", low="101"), *minutes(2, START + 6 * MINUTE)], NOW - 2 * DAY)
    with pytest.raises(BadInput, match="needs --reason"):
        CliRunner().invoke(app, ["audit", "--quarantine", SERIES], catch_exceptions=False)
    with pytest.raises(BadInput, match="marts have no bars of binance:spot:NO/SUCH"):
        CliRunner().invoke(
            app, ["audit", "--quarantine", "binance:spot:NO/SUCH", "--reason", "x"], catch_exceptions=False
        )
    decision = mdw(
        *("audit", "--quarantine", f"{SERIES}@1m", "--start", BAD.isoformat(), "--reason", "low above close, confirmed")
    )
    excluded = mdw("audit", "--quarantine", "binance:spot:ETH/USDT", "--reason", "the whole series is doubted")
    _refuse_the_registry_alone(dbt)
    dbt.publish("withheld", **CLOCK)
    shown = dbt.bars("withheld", "instrument_id, open_time")
    assert len(shown) == 7, "eight minutes of BTC/USDT without the bad one, and no ETH/USDT"
    assert {row[0] for row in shown} == {SERIES}
    assert dbt.bars("good") == good
    assert dbt.warehouse.rows(
        "select toString(gap_start), missing_bars from marts.v_bar_gaps "
        "where class = 'quarantined' and instrument_id = {i:String}",
        i=SERIES,
    ) == [("2025-01-01 00:03:00.000", 1)]
    assert "withheld by people" in data_quality.render(data_quality.collect(dbt.warehouse.settings))
    assert condition(dbt, "binance:spot:ETH/USDT") == [("missing", "quarantined")]
    assert [(one["author"], one["reason"]) for one in mdw("audit", "--quarantined")] == [
        ("ada", "low above close, confirmed"),
        ("ada", "the whole series is doubted"),
    ]
    kept = "select count() from marts.bars final where open_time = {t:DateTime64(3, 'UTC')} and low = 101"
    assert dbt.warehouse.rows(kept, t=BAD) == [(1,)]

    # Released rows come back and are audited again.
    for one in (decision, excluded):
        mdw("audit", "--release", str(one["quarantine_id"]))
    _refuse_the_registry_alone(dbt)
    refused = dbt.build("released", **CLOCK)
    assert not refused.succeeded
    assert "bars_ohlc_invariants" in refused.text

    # Fetched after the decision, which so does not cover it: the released row must not come back in its place.
    land_bars(client, "BTC/USDT", [bar(BAD, "100.05")], datetime.now(UTC))
    dbt.publish("healed", **CLOCK)
    assert dbt.warehouse.rows(
        "select instrument_id, count(), countIf(close = 100.05) from marts.v_bars_at(snapshot_id = 'healed') "
        "group by instrument_id order by 1"
    ) == [(SERIES, 8, 1), ("binance:spot:ETH/USDT", 1440, 0)]
    assert dbt.bars("good") == good
    assert len(dbt.bars("withheld")) == 7
    assert dbt.warehouse.rows(
        "select count() from marts.dq_audit_results "
        "where audit = 'manifest_of_the_newest_snapshot' and severity = 'error'"
    ) == [(0,)]


def _refuse_the_registry_alone(dbt: Dbt) -> None:
    """A decision that no build has applied: the marts are as they were audited, and still not what to publish."""
    refused = dbt.run("run", "--select", "snapshots", snapshot_id="early", **CLOCK)
    assert not refused.succeeded
    assert "quarantines or releases of bars were recorded since the marts were built" in refused.text


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("MDW_HOME", str(tmp_path))
    for arguments, says in (
        (("--quarantine", "nonsense"), "write INSTRUMENT or INSTRUMENT@TIMEFRAME"),
        (("--quarantine", SERIES, "--dataset", "books"), "allowed are bars, funding"),
        (("--quarantine", f"{SERIES}@1m", "--dataset", "funding"), "only bars have"),
        (("--quarantine", SERIES, "--last"), "exclude each other"),
    ):
        with pytest.raises(BadInput, match=says):
            CliRunner().invoke(app, ["audit", *arguments], catch_exceptions=False)
