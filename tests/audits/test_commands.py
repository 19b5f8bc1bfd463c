"""The commands of an operator after a failed night: what is missing, fetch it, publish, or publish without a series."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from dlt_pipelines import backfill
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from mdw.cli.entry_point import app
from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.audits.seeding import bar
from tests.conftest import Warehouse, start_warehouse
from tests.dbt.pages import land, milliseconds
from warehouse.settings import Settings

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
START = datetime(2025, 6, 1, tzinfo=UTC)
LOST = START + 2 * DAY
END = START + 4 * DAY
NOW = END + timedelta(hours=2)
BTC, ETH = (Series("bars", "binance", "perp", f"{coin}/USDT", "1h") for coin in ("BTC", "ETH"))
Mdw = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, dict[str, str]]]:
    """Two series of the replayed market, one of them without the day LOST; and a shell's environment."""
    running = start_warehouse(tmp_path_factory.mktemp("commands") / "mdw")
    with ReplayServer(SyntheticMarket(7), clock=Clock.fixed(NOW)) as server:
        environment = {**running.environment, **server.environment, "MDW_NOW": NOW.isoformat()}
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(home=running.settings.home, clickhouse_url=None, now=NOW, **origins)
        for series, spans in ((ETH, [(START, END)]), (BTC, [(START, LOST), (LOST + DAY, END)])):
            for first, last in spans:
                plan = backfill.make_plan(settings, {series: (to_ms(first), to_ms(last))}, refetch=False, pace=None)
                assert backfill.run(plan, pace=None).complete
        yield running, environment
    running.kill()


@pytest.fixture
def mdw(served: tuple[Warehouse, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Mdw:
    """Run a command; returns its exit code and the output of --json."""
    for name, value in served[1].items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> tuple[int, Any]:
        ended = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        return ended.exit_code, json.loads(ended.stdout)

    return call


def conditions(warehouse: Warehouse, snapshot_id: str, series: Series) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select toString(day), toString(condition), reason "
        "from marts.v_dataset_condition_at(snapshot_id = {id:String}) "
        "where dataset = 'bars' and instrument_id = {i:String} and timeframe = '1h' and day >= {d:Date} "
        "order by day limit 4",
        id=snapshot_id,
        i=f"{series.venue}:{series.market}:{series.symbol}",
        d=START.date(),
    )


def gaps(warehouse: Warehouse, snapshot_id: str) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select toString(gap_start), missing_bars, class from marts.v_bar_gaps_at(snapshot_id = {id:String}) "
        "where instrument_id = 'binance:perp:BTC/USDT' and timeframe = '1h' "
        "and gap_start >= {d:DateTime64(3, 'UTC')} and gap_end <= {e:DateTime64(3, 'UTC')}",
        id=snapshot_id,
        d=START,
        e=END,
    )


def test_a_lost_day_is_named_fetched_and_published(served: tuple[Warehouse, dict[str, str]], mdw: Mdw) -> None:
    warehouse = served[0]
    code, built = mdw("build", "--snapshot-id", "holed")
    assert (code, built["published"]) == (0, True), built

    code, audited = mdw("audit", "--fix")
    assert code == 0
    missing = [one for one in audited["findings"] if one["audit"] == "bars_missing" and "not_fetched" in one["detail"]]
    assert {one["instrument_id"] for one in missing} >= {"binance:perp:BTC/USDT"}
    assert (audited["fixed"]["holes"], audited["fixed"]["landed"]["rows"]) == (1, 24)

    code, built = mdw("build", "--snapshot-id", "healed")
    assert (code, built["published"]) == (0, True), built
    assert gaps(warehouse, "healed") == []
    # The old pin still shows what it lacks, and why.
    assert gaps(warehouse, "holed") == [("2025-06-03 00:00:00.000", 24, "not_fetched")]
    assert [row[1] for row in conditions(warehouse, "healed", BTC)] == ["available"] * 4
    day = str(LOST.date())
    assert [row for row in conditions(warehouse, "holed", BTC) if row[1] != "available"] == [
        (day, "missing", "not_fetched")
    ]

    code, again = mdw("audit", "--last")
    assert (code, again["run"] > audited["run"]) == (0, True)


def contradict(warehouse: Warehouse, moment: datetime) -> None:
    """Pages with two conflicting rows for a key: a bar, a payment, the state of an instrument, a day of the index."""
    client = warehouse.client("ingest")
    fetched_at = datetime.now(UTC)
    ms, window = milliseconds(moment), (moment, moment + timedelta(hours=1))
    series = ("binance", "perp", "BTC/USDT", "")
    hours = [bar(moment, close, timedelta(hours=1)) for close in ("100", "101")]
    land(client, "binance__usdm_klines", hours, fetched_at, series=(*series[:3], "1h"), window=window)
    payments = [{"fundingTime": ms, "fundingRate": rate, "markPrice": "100"} for rate in ("0.0001", "0.0002")]
    land(client, "binance__usdm_funding", payments, fetched_at, series=series, window=window)
    contract = {"contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
    symbols = [
        {**contract, "symbol": "BTCUSDT", "filters": [{"filterType": "PRICE_FILTER", "tickSize": tick}]}
        for tick in ("0.1", "0.2")
    ]
    land(client, "binance__usdm_instruments", {"symbols": symbols}, fetched_at, series=(*series[:2], "", ""))
    days = [{"value": value, "value_classification": "Fear", "timestamp": str(ms // 1000)} for value in ("20", "30")]
    land(client, "alternative_me__fear_greed", {"data": days}, fetched_at, series=("alternative_me", "", "", ""))


@pytest.mark.soak
def test_conflicting_rows_are_asked_for_again_and_settled(served: tuple[Warehouse, dict[str, str]], mdw: Mdw) -> None:
    warehouse = served[0]
    contradict(warehouse, START + DAY)
    refused = CliRunner().invoke(app, ["build", "--snapshot-id", "contradicted"], catch_exceptions=False)
    assert refused.exit_code == 1
    assert re.search(r"^conflicting_rows +[1-9]", refused.stdout, re.MULTILINE), refused.stdout
    assert "Nothing was published: readers keep the last good snapshot" in refused.stderr
    assert "Published" not in refused.stdout

    code, audited = mdw("audit", "--fix")
    assert code == 1
    named = {(one["dataset"], one["instrument_id"]) for one in audited["findings"] if one["severity"] == "error"}
    assert named == {
        ("bars", "binance:perp:BTC/USDT"),
        ("funding", "binance:perp:BTC/USDT"),
        ("instruments", "binance:perp:BTC/USDT"),
        ("fear_greed", ""),
    }
    assert audited["fixed"]["asked_again"] == 4
    assert audited["fixed"]["landed"]["failures"] == []
    # One page each, and one more of payments: the next one, which proves that there is none in between.
    assert audited["fixed"]["landed"]["pages"] == 5

    code, built = mdw("build", "--snapshot-id", "settled")
    assert (code, built["published"]) == (0, True), built


@pytest.mark.soak
def test_a_series_is_left_out_knowingly(served: tuple[Warehouse, dict[str, str]], mdw: Mdw) -> None:
    warehouse = served[0]
    arguments = ("--without", "binance:perp:ETH/USDT", "--reason", "a poisoned feed")
    code, built = mdw("build", "--snapshot-id", "without", *arguments)
    assert (code, built["published"]) == (0, True), built
    shown = "select distinct instrument_id from marts.v_bars where snapshot_id = 'without'"
    assert warehouse.rows(shown) == [("binance:perp:BTC/USDT",)]
    assert {row[1:] for row in conditions(warehouse, "without", ETH)} == {("missing", "quarantined")}
    assert [row[1] for row in conditions(warehouse, "healed", ETH)] == ["available"] * 4


def test_dbt_parsed_the_project_once_for_all_these_runs(served: tuple[Warehouse, dict[str, str]]) -> None:
    # Parsing took a third of each run when the variables of a run were passed by --vars.
    logs = (served[0].settings.home / "dbt" / "logs").glob("dbt.log*")
    said = "".join(log.read_text() for log in logs)
    assert said.count("Running with dbt=") >= 3
    assert said.count("Unable to do partial parsing") <= 1  # none, with a parse result from tests/templates.py


def test_a_selection_that_matches_nothing_is_an_error(served: tuple[Warehouse, dict[str, str]]) -> None:
    """For a comparison an empty result may be correct: dbt's warning, exit code 0."""
    warehouse, environment = served

    def ends(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "mdw", "dbt", "--", "ls", *words]
        said = subprocess.run(command, env={**os.environ, **environment}, text=True, capture_output=True, check=False)
        return said.returncode, said.stdout + said.stderr

    code, said = ends("--select", "v_bar")
    assert (code, "'v_bar' does not match any enabled nodes" in said) == (2, True), said
    state = str(warehouse.settings.home / "dbt" / "target")
    code, said = ends("--select", "state:modified", "--state", state)
    assert (code, "does not match any enabled nodes" in said) == (0, True), said


def test_a_known_id_is_one_sentence(served: tuple[Warehouse, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served[1].items():
        monkeypatch.setenv(name, value)
    again = CliRunner().invoke(app, ["build", "--snapshot-id", "holed"], catch_exceptions=False)
    assert again.exit_code == 0
    assert again.stdout.splitlines() == [
        "Snapshot holed exists already (data version 1): it is left as it is, and nothing was built."
    ]


def test_an_unknown_snapshot_is_an_error_not_an_empty_answer(served: tuple[Warehouse, dict[str, str]]) -> None:
    for view in ("v_bar_gaps_at", "v_dataset_condition_at"):
        with pytest.raises(Exception, match="unknown snapshot_id"):
            served[0].rows(f"select count() from marts.{view}(snapshot_id = 'nowhere')")
