"""The part of `mdw acceptance --aws NAME` that queries AWS, against an account in which dev was deployed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from mdw.acceptance import schedule
from mdw.acceptance.aws import AwsEnvironment
from mdw.acceptance.verdict import Observation, Verdict, conclusion
from mdw.metrics import cloudwatch
from mdw.metrics.sample import Sample
from tests.acceptance.airflow_api import Runs
from tests.infra.conftest import Account
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Role, Settings


@pytest.fixture
def environment(deployed: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsEnvironment]:
    monkeypatch.setattr(schedule, "_PAUSE_SECONDS", 0.01)
    deployed.airflow.runs, deployed.airflow.import_errors = Runs(), []
    bucket = deployed.outputs()["BackupBucketName"]
    deployed.client("s3").put_object(Bucket=bucket, Key=f"marks/{datetime.now(UTC):%Y-%m}/01T021000Z.full", Body=b"{}")
    yield AwsEnvironment("dev")
    deployed.airflow.import_errors = []


def states(observations: list[Observation]) -> dict[str, str]:
    return {one.says: one.state for one in observations}


def test_services_are_met_as_the_smoke_test_sees_them(environment: AwsEnvironment) -> None:
    observations = list(environment.services())
    assert len(observations) >= 8
    assert {one.state for one in observations} == {"met"}, observations
    assert any("0 of 9 alarms are active" in one.says for one in observations)


def test_a_dag_file_that_does_not_load_is_not_met(environment: AwsEnvironment, deployed: Account) -> None:
    deployed.airflow.import_errors = [{"filename": "market_data_update.py"}]
    (bad,) = [one for one in environment.services() if one.state == "not met"]
    assert "market_data_update.py" in bad.says


def test_nothing_is_signed_off_with_an_active_alarm_or_without_a_recent_backup(
    environment: AwsEnvironment, deployed: Account
) -> None:
    cloud = deployed.client("cloudwatch")

    def judged() -> tuple[Verdict, str]:
        verdict = Verdict(1, "services", tuple(environment.services()))
        return verdict, conclusion([verdict])

    assert judged()[0].state == "met"
    cloud.set_alarm_state(AlarmName="mdw-dev-stale-series", StateValue="ALARM", StateReason="test")
    verdict, sentence = judged()
    assert (verdict.state, sentence[:14]) == ("not met", "NOT signed off")
    assert verdict.of("not met")[0].says == "1 of 9 alarms are active: mdw-dev-stale-series"
    cloud.set_alarm_state(AlarmName="mdw-dev-stale-series", StateValue="INSUFFICIENT_DATA", StateReason="test")
    assert judged()[0].state == "in part"
    cloud.set_alarm_state(AlarmName="mdw-dev-stale-series", StateValue="OK", StateReason="test")

    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[deployed.outputs()["BackupBucketName"]]
    (mark,) = [key for key in bucket.keys.values() if key.name.startswith("marks/")]
    mark.last_modified = mark.last_modified.replace(year=2025)
    verdict, sentence = judged()
    assert "runbooks" not in verdict.of("not met")[0].says
    assert "(allowed: 26)" in verdict.of("not met")[0].says
    assert sentence.startswith("NOT signed off")
    deployed.client("s3").delete_object(Bucket=bucket.name, Key=mark.name)
    assert "no backup has finished" in judged()[0].of("not met")[0].says


def test_alerts_need_a_subscriber_and_metrics_that_arrive(environment: AwsEnvironment, deployed: Account) -> None:
    before = states(list(environment.alerts()))
    assert before["0 values of SecondsSincePublication in the last hour"] == "not met"
    topic = deployed.outputs()["AlertTopicArn"]
    for subscription in deployed.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        deployed.client("sns").unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    cloudwatch.push([Sample("mdw_seconds_since_publication", 60)], "dev")
    after = states(list(environment.alerts()))
    assert after["1 values of SecondsSincePublication in the last hour"] == "met"
    assert after["0 confirmed subscribers of the alert topic"] == "not met"
    queue = deployed.client("sqs").create_queue(QueueName="people")["QueueUrl"]
    arn = deployed.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    deployed.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    assert {one.state for one in environment.alerts()} == {"met"}


def test_every_check_goes_by_the_url_of_its_own_role(
    environment: AwsEnvironment, deployed: Account, tmp_path: Path
) -> None:
    key = deployed.outputs()["CaCertificateKey"]
    deployed.client("s3").put_object(Bucket=deployed.outputs()["CodeBucketName"], Key=key, Body=b"# authority\n")
    inside = environment.reached_by(Settings(home=tmp_path))
    roles: tuple[Role, ...] = ("admin", "ingest", "transform", "auditor", "researcher")
    assert {role: inside.connection(role).user for role in roles} == {role: f"svc_{role}" for role in roles}
    assert not inside.embedded
    assert not inside.one_user
    assert inside.ca_file is not None
    assert inside.ca_file.read_text() == "# authority\n"
    password = inside.connection("researcher").password
    assert password not in repr(inside)
    assert (inside.alert_sns_topic, inside.environment) == (deployed.outputs()["AlertTopicArn"], "dev")
    own = Settings(alert_sns_topic="arn:aws:sns:eu-central-1:123456789012:mine", home=tmp_path)
    assert environment.reached_by(own).alert_sns_topic == own.alert_sns_topic


def test_runs_tasks_and_logs_come_by_paths_that_mwaa_takes(environment: AwsEnvironment, deployed: Account) -> None:
    assert environment.airflow.get(f"/dags/{schedule.DAG}")["is_paused"] is False
    run = environment.airflow.get(f"/dags/{schedule.DAG}/dagRuns")["dag_runs"][0]
    assert schedule._log(environment.airflow, run).state == "not met"
    stream = f"dag_id={schedule.DAG}/run_id={run['dag_run_id']}/task_id=build/attempt=1.log".replace(":", "_")
    logs, group = deployed.client("logs"), "airflow-mdw-dev-Task"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(datetime.now(UTC).timestamp() * 1000)
    events = [{"timestamp": now, "message": line} for line in ("mdw build", "published")]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert schedule._log(environment.airflow, run) == Observation(
        "met", "2 tasks with a status each, log of the build: 2 lines"
    )
    with pytest.raises(OperationFailed, match="accepts paths of up to 64 characters"):
        environment.airflow.get(f"/dags/{schedule.DAG}/dagRuns/{run['dag_run_id']}/taskInstances")
    deployed.airflow.runs = replace(Runs(), paused=True)
    assert environment.airflow.get(f"/dags/{schedule.DAG}")["is_paused"] is True


@pytest.mark.parametrize(("ended", "state"), [("success", "met"), ("failed", "not met")])
def test_the_test_alert_leaves_from_airflow(
    environment: AwsEnvironment, deployed: Account, ended: str, state: str
) -> None:
    deployed.airflow.runs = replace(Runs(), alert_run=ended)
    observations = schedule._alert_by_airflow(environment.airflow)
    assert observations.state == state
    assert "market_data_alert_test" in observations.says


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no environment 'staging'.*Known: dev"):
        AwsEnvironment("staging")
