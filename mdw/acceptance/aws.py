"""What AWS itself shows of an environment that infra/mwaa deployed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from mdw.acceptance.airflow import MwaaAirflow
from mdw.acceptance.verdict import Seen, met_if
from warehouse.settings import Settings

_METRIC_AGE = timedelta(hours=1)
_ALERTS = ("alarms",)


class AwsEnvironment:
    """An environment by the name of its parameters file (infra/mwaa/parameters). Raises BadInput for an unknown one."""

    def __init__(self, name: str) -> None:
        # Deploying brings boto3 and the templates: only `--aws` should wait for them.
        from infra.mwaa.deployment import plan
        from infra.mwaa.deployment.run import Deployment

        self._deployment = Deployment(plan.load(name), lambda text: None, 1)
        self._plan = self._deployment.plan
        self.airflow = MwaaAirflow(self._deployment.cloud.mwaa, f"{self._plan.project}-{self._plan.environment}")

    def reached_by(self, settings: Settings) -> Settings:
        """The settings with the environment's alert topic, where they name none."""
        with _explained(self._plan.region):
            topic = settings.alert_sns_topic or self._deployment.outputs().get("AlertTopicArn")
        return settings.model_copy(update={"alert_sns_topic": topic, "environment": self._plan.environment})

    def services(self) -> Sequence[Seen]:
        """Airflow, DAG files, secrets and buckets, as the smoke test of a deployment looks at them."""
        with _explained(self._plan.region):
            return [_as_seen(check) for check in self._smoke() if check.name not in _ALERTS]

    def alerts(self) -> Sequence[Seen]:
        """Alarms with an action, a confirmed subscriber of their topic, and metrics that arrive."""
        with _explained(self._plan.region):
            alarms = [_as_seen(check) for check in self._smoke() if check.name in _ALERTS]
            return [*alarms, *self._topic(), self._metrics()]

    def _smoke(self) -> list[Any]:
        from infra.mwaa.deployment import smoke

        return smoke.run(self._deployment.cloud, self._plan, None, self._deployment.outputs())

    def _topic(self) -> list[Seen]:
        topic = self._deployment.outputs().get("AlertTopicArn")
        if topic is None:
            return [Seen("not met", "no stack has the output AlertTopicArn: deploy foundation")]
        found = self._deployment.cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        # Until the mail is confirmed, this stands where its ARN will be.
        confirmed = [one for one in found if one["SubscriptionArn"] != "PendingConfirmation"]
        return [met_if(bool(confirmed), f"{len(confirmed)} confirmed subscribers of the alert topic")]

    def _metrics(self) -> Seen:
        now = datetime.now(UTC)
        points = self._deployment.cloud.cloudwatch.get_metric_statistics(
            Namespace="Mdw",
            MetricName="SecondsSincePublication",
            Dimensions=[{"Name": "Environment", "Value": self._plan.environment}],
            StartTime=now - _METRIC_AGE,
            EndTime=now + timedelta(minutes=1),
            Period=300,
            Statistics=["Maximum"],
        )["Datapoints"]
        return met_if(bool(points), f"{len(points)} values of SecondsSincePublication in the last hour")


@contextmanager
def _explained(region: str) -> Iterator[None]:
    """AWS's refusal as one sentence."""
    from botocore.exceptions import BotoCoreError, ClientError

    from infra.mwaa.deployment.cloud import explain

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explain(error, region) from None


def _as_seen(check: Any) -> Seen:
    return met_if(check.good, f"{check.name}: {check.found}" + ("" if check.good else f" (look at: {check.act})"))
