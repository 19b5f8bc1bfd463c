"""The part of `mdw acceptance --aws NAME` that asks AWS, against an account in which dev was deployed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mdw.acceptance import schedule
from mdw.acceptance.aws import AwsEnvironment
from mdw.acceptance.verdict import Seen
from mdw.metrics import cloudwatch
from mdw.metrics.sample import Sample
from tests.acceptance.airflow_api import Runs
from tests.infra.conftest import Account
from warehouse.errors import BadInput
from warehouse.settings import Settings


@pytest.fixture
def environment(deployed: Account) -> Iterator[AwsEnvironment]:
    deployed.airflow.runs, deployed.airflow.import_errors = Runs(), []
    yield AwsEnvironment("dev")
    deployed.airflow.import_errors = []


def states(seen: list[Seen]) -> dict[str, str]:
    return {one.says: one.state for one in seen}


def test_services_are_met_as_the_smoke_test_sees_them(environment: AwsEnvironment) -> None:
    seen = list(environment.services())
    assert len(seen) >= 6
    assert {one.state for one in seen} == {"met"}, seen


def test_a_dag_file_that_does_not_load_is_not_met(environment: AwsEnvironment, deployed: Account) -> None:
    deployed.airflow.import_errors = [{"filename": "market_data_update.py"}]
    (bad,) = [one for one in environment.services() if one.state == "not met"]
    assert "market_data_update.py" in bad.says


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


def test_the_test_alert_goes_to_the_topic_of_the_environment(environment: AwsEnvironment, deployed: Account) -> None:
    inside = environment.reached_by(Settings())
    assert inside.alert_sns_topic == deployed.outputs()["AlertTopicArn"]
    assert inside.environment == "dev"
    own = Settings(alert_sns_topic="arn:aws:sns:eu-central-1:123456789012:mine")
    assert environment.reached_by(own).alert_sns_topic == own.alert_sns_topic


def test_runs_and_logs_come_through_mwaas_own_door(environment: AwsEnvironment, deployed: Account) -> None:
    dag = environment.airflow.get(f"/dags/{schedule.DAG}")
    assert dag["is_paused"] is False
    deployed.airflow.runs = replace(Runs(), paused=True)
    assert environment.airflow.get(f"/dags/{schedule.DAG}")["is_paused"] is True


def test_an_environment_that_nobody_described_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no environment 'staging'.*Known: dev"):
        AwsEnvironment("staging")
