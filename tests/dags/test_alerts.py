"""Where alerts of the DAGs go: `mdw notify`, else SNS (moto), else the log; and secrets of tasks."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace

import boto3
import pytest

from tests.dags.airflow_home import DAGS, Airflow, version
from tests.moto_server import aws

ALERT = ("market_data_update.build failed after 7 tries", "killed by SIGKILL", "http://airflow/run", "airflow:build")


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DAGS))
    from market_data import alerts

    return alerts


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Address of an SNS topic, and of a queue that gets its messages."""
    with aws() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        arn = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        queue = boto3.client("sqs").create_queue(QueueName="alerts")["QueueUrl"]
        endpoint = "arn:aws:sqs:eu-central-1:123456789012:alerts"
        boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
        monkeypatch.setenv("MDW_ALERT_TOPIC_ARN", arn)
        yield arn, queue


def received(queue: str) -> list[dict[str, str]]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_the_notifier_gets_what_where_and_a_key(
    alerts: ModuleType, topic: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program, told = tmp_path / "program.py", tmp_path / "told.json"
    program.write_text(f"import sys, json; json.dump(sys.argv[1:], open({str(told)!r}, 'w'))")
    monkeypatch.setenv("MDW_BIN", f"{sys.executable} {program}")
    alerts.send(*ALERT)
    subject, text, link, key = ALERT
    assert json.loads(told.read_text()) == [
        "notify",
        subject,
        *("--severity", "error"),
        *("--text", text),
        *("--link", link),
        *("--runbook", "runbooks/airflow_stuck.md"),
        *("--key", key),
    ]
    assert received(topic[1]) == []


@pytest.mark.parametrize("program", ["/nowhere/mdw", "false"], ids=["no venv beside the scheduler", "it fails"])
def test_without_a_notifier_it_goes_to_sns(
    alerts: ModuleType, topic: tuple[str, str], monkeypatch: pytest.MonkeyPatch, program: str
):
    monkeypatch.setenv("MDW_BIN", program)
    alerts.send(*ALERT)
    (message,) = received(topic[1])
    assert message["Subject"] == ALERT[0]
    assert message["Message"] == "killed by SIGKILL\nhttp://airflow/run\nrunbooks/airflow_stuck.md"


def test_an_alert_that_cannot_be_sent_breaks_nothing_and_is_logged(
    alerts: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("MDW_BIN", "/nowhere/mdw")
    monkeypatch.setenv("MDW_ALERT_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:gone")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    alerts.send(*ALERT)
    assert ALERT[0] in caplog.text
    assert "could not be sent" in caplog.text


def test_a_task_that_failed_for_good_is_counted_for_the_alarm(
    alerts: ModuleType, topic: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(alerts, "run_link", lambda *parts: "http://airflow/run")
    monkeypatch.setenv("MDW_BIN", "/nowhere/mdw")
    monkeypatch.setenv("MDW_ENVIRONMENT", "dev")
    task = SimpleNamespace(dag_id="market_data_update", task_id="build", run_id="r", try_number=7, map_index=-1)
    alerts.task_failed({"ti": task, "exception": "failed: bars_unique"})
    by_environment = [{"Name": "Environment", "Value": "dev"}]
    by_dag = [*by_environment, {"Name": "Dag", "Value": "market_data_update"}]
    known = boto3.client("cloudwatch").list_metrics(Namespace="Mdw", MetricName="FailedTasks")["Metrics"]
    # The alarm matches the first one exactly.
    assert [one["Dimensions"] for one in known] == [by_environment, by_dag]
    now = datetime.now(UTC)
    found = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Mdw",
        MetricName="FailedTasks",
        Dimensions=by_dag,
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in found["Datapoints"]) == 1
    assert received(topic[1])[0]["Subject"] == "market_data_update.build failed after 7 tries"


ON_A_CLUSTER = """
from market_data.operator import MdwOperator
print(MdwOperator(task_id="build", calls=[["status"]], role="auditor").execute({}))
"""
ENVIRONMENT = "from market_data.environment import environment; print(environment('ingest')['MDW_CLICKHOUSE_URL'])"


def test_a_task_gets_the_url_of_its_role_from_the_secrets_backend(empty_airflow: Airflow):
    url = "https://svc_ingest:pass@clickhouse:8443/?native_port=9440"
    ended = Airflow(empty_airflow.home, {"AIRFLOW_VAR_CLICKHOUSE_URL_INGEST": url}).python(ENVIRONMENT)
    assert ended.stdout.strip().splitlines()[-1] == url, ended.stderr


def test_on_a_cluster_a_task_calls_mdw_with_the_name_of_the_cluster(empty_airflow: Airflow, tmp_path: Path):
    mdw = tmp_path / "mdw"
    mdw.write_text('#!/bin/sh\necho "{\\"cluster\\": \\"$MDW_CLUSTER\\"}"\n')
    mdw.chmod(0o755)
    ended = Airflow(empty_airflow.home, {"MDW_CLUSTER": "mdw", "MDW_BIN": str(mdw)}).python(ON_A_CLUSTER)
    assert "{'cluster': 'mdw'}" in ended.stdout, ended.stderr


def test_in_aws_no_task_runs_without_its_url(empty_airflow: Airflow):
    if version() < (3, 1):
        pytest.skip("Airflow 3.0 reads variables of its database inside a task only")
    ended = Airflow(empty_airflow.home, {"MDW_ENVIRONMENT": "prod"}).python(ENVIRONMENT)
    assert ended.returncode != 0
    assert "Airflow variable clickhouse_url_ingest is missing" in ended.stderr
