"""`mdw acceptance`: criteria are met or named as not met, and what could not be checked is never reported as met."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mdw.acceptance import Context, Verdict, schedule
from mdw.acceptance.airflow import HttpAirflow
from mdw.acceptance.criteria import CRITERIA
from mdw.acceptance.receiver import receiver
from mdw.acceptance.verdict import Observation
from mdw.backtest import Parameters
from mdw.cli import entry_point
from replay.process import ReplayProcess
from tests.acceptance.airflow_api import AirflowServer, Runs
from tests.conftest import Warehouse, start_warehouse
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT
from warehouse.settings import Settings

# Hours only: the checks do not depend on the number of bars.
UNIVERSE = """\
version: 1
history: {{start: {start}}}
timeframes: [1h]
bars:
  binance: {{spot: [BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT{more}]}}
funding:
  binance: {{perp: [BTC/USDT]}}
"""
QUICK = ("--lookback-days", "2")


@dataclass
class Deployment:
    """A complete warehouse, an Airflow, and the command line."""

    warehouse: Warehouse
    airflow: AirflowServer
    start: datetime
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capture: Any = None

    def universe(self, more: str = "") -> None:
        path = self.folder / "universe.yml"
        path.write_text(UNIVERSE.format(start=f"{self.start:%Y-%m-%dT%H:%M:%SZ}", more=more))
        self.monkeypatch.setenv("MDW_UNIVERSE", str(path))

    def mdw(self, *arguments: str) -> int:
        self.monkeypatch.setattr("sys.argv", ["mdw", *arguments])
        try:
            entry_point.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    def accept(self, *options: str) -> tuple[int, dict[int, dict[str, Any]], str]:
        """Exit code, verdicts by number, and the conclusion."""
        self.capture.readouterr()
        code = self.mdw("acceptance", "--json", *QUICK, *options)
        document = json.loads(self.capture.readouterr().out)
        return code, {one["number"]: one for one in document["criteria"]}, document["conclusion"]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Shared by all tests of this module."""
    warehouse = start_warehouse(tmp_path_factory.mktemp("warehouse") / "mdw")
    airflow = AirflowServer()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with (
        pytest.MonkeyPatch.context() as patch,
        ReplayProcess("--synthetic", "--seed", "7") as exchanges,
        receiver() as hook,
    ):
        for name, value in {**warehouse.environment, **exchanges.environment, "MDW_ALERT_WEBHOOK_URL": hook}.items():
            patch.setenv(name, value)
        made = Deployment(warehouse, airflow, today - timedelta(days=6), tmp_path_factory.mktemp("universe"), patch)
        made.universe()
        assert made.mdw("backfill") == 0
        assert made.mdw("build", "--snapshot-id", "history") == 0
        yield made
    airflow.close()
    warehouse.kill()


@pytest.fixture
def deployment(standing: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Deployment:
    standing.airflow.runs = Runs()
    standing.capture, standing.monkeypatch = capsys, monkeypatch
    return standing


def said(verdict: dict[str, Any], state: str) -> str:
    return "; ".join(one["says"] for one in verdict["seen"] if one["state"] == state)


@pytest.mark.soak
def test_what_is_well_is_met_and_what_only_aws_can_show_is_unchecked(deployment: Deployment, tmp_path: Path):
    page = tmp_path / "acceptance.md"
    code, verdicts, conclusion = deployment.accept("--airflow", deployment.airflow.url, "--out", str(page))
    assert {number: verdict["state"] for number, verdict in verdicts.items() if number < 7} == {
        1: "in part",
        2: "met",
        3: "met",
        4: "met",
        5: "met",
        6: "met",
    }, verdicts
    assert "AWS" in said(verdicts[1], "unchecked")
    assert "replayed" in said(verdicts[1], "unchecked")
    assert "2 of the last 3 scheduled runs succeeded" in said(verdicts[3], "met")
    assert "webhook accepted an alert" in said(verdicts[3], "met")
    assert "two runs equal" in said(verdicts[5], "met")
    delivered = (PROJECT / "docs" / "realtime_feed_proposal.md").exists()
    assert (code, verdicts[7]["state"]) == ((0, "met") if delivered else (1, "not met"))
    assert conclusion.startswith("Signed off with reservations" if delivered else "NOT signed off")
    assert "pass" not in json.dumps(verdicts)
    text = page.read_text()
    assert "## 2. The agreed history is loaded: met" in text
    assert "- [ ] unchecked: the AWS environment" in text
    assert "Accepted by: ____" in text


@pytest.mark.soak
def test_each_failure_is_named_and_nothing_else_is_held_back_by_it(deployment: Deployment):
    deployment.universe(", SOL/BTC")
    deployment.airflow.runs = Runs(states=["failed", "success"], paused=True, ill="scheduler")
    deployment.monkeypatch.setenv("MDW_ALERT_WEBHOOK_URL", "http://127.0.0.1:9/")
    with deployment.warehouse.client() as client:
        client.command(
            "alter table marts.bars delete where instrument_id = 'binance:spot:XRP/USDT' settings mutations_sync = 1"
        )
    code, verdicts, conclusion = deployment.accept("--airflow", deployment.airflow.url)
    assert code == 1
    assert "unhealthy scheduler" in said(verdicts[1], "not met")
    assert "calls are left to make" in said(verdicts[2], "not met")
    assert "without a bar: binance:spot:SOL/BTC 1h" in said(verdicts[2], "not met")
    for trouble in ("market_data_update is paused", "1 of the last 2", "webhook at 127.0.0.1"):
        assert trouble in said(verdicts[3], "not met"), trouble
    assert "newest publication" in said(verdicts[3], "met")
    assert verdicts[4]["state"] == "not met"
    assert verdicts[5]["state"] == "not met"
    assert conclusion.startswith("NOT signed off")
    assert "(1, 2, 3, 4, 5" in conclusion


def schedule_seen(airflow: HttpAirflow | None = None) -> list[Observation]:
    context = Context.of(Settings.load(), None, timedelta(hours=1), Parameters(), airflow)
    return list(schedule.check(context))


@pytest.mark.soak
def test_without_airflow_and_channels_their_points_are_unchecked(deployment: Deployment):
    deployment.monkeypatch.delenv("MDW_ALERT_WEBHOOK_URL")
    verdict = Verdict(3, "", tuple(schedule_seen()))
    assert verdict.state == "in part"
    jobs, alerts = (one.says for one in verdict.of("unchecked"))
    assert "job status and logs" in jobs
    assert "no channel is configured" in alerts


@pytest.mark.soak
def test_an_airflow_that_refuses_the_login_is_an_error_without_the_password(deployment: Deployment):
    with pytest.raises(OperationFailed, match="HTTP 401") as refused:
        schedule_seen(HttpAirflow(f"http://admin:secret-word@{deployment.airflow.address}"))
    assert "secret-word" not in str(refused.value)


@pytest.mark.soak
def test_local_and_a_named_deployment_exclude_each_other(deployment: Deployment):
    assert deployment.mdw("acceptance", "--local", "--aws", "dev") == 2
    assert "leave out --aws" in deployment.capture.readouterr().err.replace("\n", " ")


def test_without_a_snapshot_the_next_step_is_named(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setenv("MDW_HOME", str(warehouse.settings.home))
    monkeypatch.setattr("sys.argv", ["mdw", "acceptance"])
    with pytest.raises(SystemExit) as ended:
        entry_point.main()
    assert ended.value.code == 2
    assert "mdw acceptance --local" in capsys.readouterr().err


def test_the_proposal_of_the_real_time_feed_is_delivered():
    question, check = CRITERIA[-1]
    assert "real-time" in question
    # The content of the page does not depend on a deployment.
    assert {seen.state for seen in check(None)} == {"met"}  # type: ignore[arg-type]
