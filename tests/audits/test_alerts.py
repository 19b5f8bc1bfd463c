"""Problems are alerted once, with their runbook, and resolved alerts are reported too."""

import json

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner
from werkzeug import Request, Response

from mdw.cli.entry_point import app
from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt, Outcome

SECRET = "T000/B000/not-to-be-logged"


class Hook:
    """A Slack-compatible webhook on loopback that records its messages."""

    def __init__(self, server: HTTPServer) -> None:
        self.messages: list[str] = []
        self.status = 200
        path = f"/services/{SECRET}"
        self.url = server.url_for(path)
        server.expect_request(path, method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        self.messages.append(request.get_json()["text"])
        return Response(status=self.status)


@pytest.fixture
def hook(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> Hook:
    # The receiver would log its own URL, which is our secret.
    caplog.set_level("WARNING", logger="werkzeug")
    return Hook(httpserver)


@pytest.fixture
def people(refused: tuple[Dbt, Outcome], hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse of the seeded bad data, with a webhook."""
    warehouse = refused[0].warehouse
    for name, value in {**warehouse.environment, "MDW_ALERT_WEBHOOK_URL": hook.url}.items():
        monkeypatch.setenv(name, value)
    with warehouse.client() as client:
        client.command("truncate table ops.alerts")
    return warehouse


def mdw(*arguments: str):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_audits_stale_series_and_the_failed_build_are_alerted_once_with_a_runbook(people: Warehouse, hook: Hook):
    assert mdw("notify", "check").exit_code == 0
    text = "\n".join(hook.messages)
    assert "Audit bars_ohlc_invariants fails" in text
    assert "runbooks/audits.md#bars_ohlc_invariants" in text
    assert "binance:spot:ETH/USDT 1m" in text
    assert "stale series of binance" in text
    assert "runbooks/stale_series.md" in text
    assert "The newest build did not publish" in text
    assert "runbooks/build_failed.md" in text
    said = len(hook.messages)
    assert mdw("notify", "check").exit_code == 0
    assert len(hook.messages) == said


def test_an_alert_is_repeated_after_hours_and_its_resolution_is_sent(people: Warehouse, hook: Hook, monkeypatch):
    trouble = ("notify", "okx is away", "--key", "venue:okx", "--runbook", "runbooks/venue_outage.md")
    assert mdw(*trouble).exit_code == 0
    assert mdw(*trouble).exit_code == 0
    assert len(hook.messages) == 1
    monkeypatch.setenv("MDW_ALERT_REPEAT_HOURS", "0.0000001")
    assert mdw(*trouble).exit_code == 0
    assert len(hook.messages) == 2
    assert mdw("notify", "over", "--key", "venue:okx", "--resolve").exit_code == 0
    assert "Resolved: okx is away" in hook.messages[2]
    assert mdw("notify", "over", "--key", "venue:okx", "--resolve").exit_code == 0
    assert len(hook.messages) == 3


def test_a_dag_that_runs_again_ends_the_alerts_of_its_tasks_and_no_others(people: Warehouse, hook: Hook):
    for key in ("market_data_update:land_okx", "market_data_update:late", "market_data_updates"):
        assert mdw("notify", key, "--key", f"airflow:{key}").exit_code == 0
    said = json.loads(mdw("notify", "over", "--resolve", "--key", "airflow:market_data_update", "--json").output)
    assert sorted(said["resolved"]) == ["market_data_update:land_okx", "market_data_update:late"]


def test_a_channel_that_fails_is_tried_again_and_its_secret_stays_secret(people: Warehouse, hook: Hook, caplog):
    hook.status = 500
    first = mdw("notify", "disk is full", "--json")
    assert first.exit_code == 1
    assert "HTTP 500" in first.output
    assert SECRET not in first.output + caplog.text
    hook.status = 200
    assert mdw("notify", "disk is full").exit_code == 0
    assert len(hook.messages) == 2


def test_an_alert_is_sent_even_if_clickhouse_is_unreachable(people: Warehouse, hook: Hook, monkeypatch):
    monkeypatch.setenv("MDW_CLICKHOUSE_URL", "http://nobody:nothing@127.0.0.1:9")
    ended = mdw("notify", "database is down")
    assert ended.exit_code == 1
    assert "not deduplicated" in ended.output
    assert "database is down" in hook.messages[0]


def test_sns_takes_it(people: Warehouse, monkeypatch):
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    aws = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    try:
        queue = boto3.client("sqs").create_queue(QueueName="people")["QueueUrl"]
        topic = boto3.client("sns").create_topic(Name="mdw")["TopicArn"]
        arn = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        monkeypatch.setenv("MDW_ALERT_SNS_TOPIC", topic)
        assert mdw("notify", "a gap in ETH/USDT", "--runbook", "runbooks/repair_a_gap.md").exit_code == 0
        body = json.loads(boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"])
        assert body["Subject"] == "[local] a gap in ETH/USDT"
        assert "runbooks/repair_a_gap.md" in body["Message"]

        assert "Pushed" in mdw("metrics", "push").output
        named = boto3.client("cloudwatch").list_metrics(Namespace="Mdw")["Metrics"]
        environment = {"Name": "Environment", "Value": "local"}
        # The metrics that infra/mwaa/templates/monitoring.yaml alarms on.
        for name in ("SecondsSincePublication", "StaleSeries", "AuditErrors"):
            assert [metric["Dimensions"] for metric in named if metric["MetricName"] == name] == [[environment]]
    finally:
        server.stop()


def test_a_severity_that_is_none_is_refused(people: Warehouse, hook: Hook):
    from warehouse.errors import BadInput

    with pytest.raises(BadInput, match="allowed are error, warn, info"):
        mdw("notify", "x", "--severity", "fatal")
    assert not hook.messages
