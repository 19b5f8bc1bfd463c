"""Checks of an environment deployed by infra/mwaa through AWS's own APIs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mdw.acceptance.airflow import MwaaAirflow
from mdw.acceptance.verdict import Observation, met_if, unchecked
from warehouse.settings import Settings

_METRIC_AGE = timedelta(hours=1)
_BACKUP_HOURS = 26
_ALERTS = ("alarms",)
# The secret with each role's URL, under PROJECT/ENVIRONMENT/ (infra/mwaa/templates/secrets.yaml).
_URLS = {
    "admin": "variables/clickhouse_url_admin",
    "ingest": "variables/clickhouse_url_ingest",
    "transform": "variables/clickhouse_url_transform",
    "auditor": "variables/clickhouse_url_auditor",
    "researcher": "alphaforge/clickhouse_url",
}


class AwsEnvironment:
    """An environment by the name of its parameters file (infra/mwaa/parameters). Raises BadInput for an unknown one."""

    def __init__(self, name: str) -> None:
        # This imports boto3 and the templates: only `--aws` should wait for that.
        from infra.mwaa.deployment import plan
        from infra.mwaa.deployment.run import Deployment

        self._deployment = Deployment(plan.load(name), lambda text: None, 1)
        self._plan = self._deployment.plan
        cloud = self._deployment.cloud
        self.airflow = MwaaAirflow(cloud.mwaa, cloud.logs, f"{self._plan.project}-{self._plan.environment}")

    def reached_by(self, settings: Settings) -> Settings:
        """The settings with the environment's URL for each role, ClickHouse's CA certificate and the alert topic.

        Each role uses its own URL: the rights of one user say nothing about another. Raises OperationFailed if a
        secret is missing.
        """
        with _aws_errors(self._plan.region):
            outputs = self._deployment.outputs()
            urls = {role: SecretStr(self._secret(name)) for role, name in _URLS.items()}
            authority = settings.ca_file or self._authority(settings, outputs)
        topic = settings.alert_sns_topic or outputs.get("AlertTopicArn")
        return settings.model_copy(
            update={
                "alert_sns_topic": topic,
                "environment": self._plan.environment,
                "role_urls": urls,
                "ca_file": authority,
            }
        )

    def services(self) -> Sequence[Observation]:
        """Checks Airflow, DAG files, secrets and buckets (the deployment's smoke test), alarms and backups."""
        with _aws_errors(self._plan.region):
            smoke = [_observation(check) for check in self._smoke() if check.name not in _ALERTS]
            return [*smoke, *self._alarms(), self._backups()]

    def alerts(self) -> Sequence[Observation]:
        """Checks that alarms have an action, that their topic has a confirmed subscriber, and that metrics arrive."""
        with _aws_errors(self._plan.region):
            alarms = [_observation(check) for check in self._smoke() if check.name in _ALERTS]
            return [*alarms, *self._topic(), self._metrics()]

    def _secret(self, name: str) -> str:
        """The value of a secret under PROJECT/ENVIRONMENT/."""
        found = self._deployment.cloud.secretsmanager.get_secret_value(
            SecretId=f"{self._plan.project}/{self._plan.environment}/{name}"
        )
        return str(found["SecretString"])

    def _authority(self, settings: Settings, outputs: Mapping[str, str]) -> Path | None:
        """The certificate of ClickHouse's private CA, stored in MDW_HOME; None if a public CA is used."""
        if "CaCertificateKey" not in outputs:
            return None
        path = settings.home / f"clickhouse-ca-{self._plan.project}-{self._plan.environment}.pem"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = self._deployment.cloud.s3.get_object(Bucket=outputs["CodeBucketName"], Key=outputs["CaCertificateKey"])
        path.write_bytes(body["Body"].read())
        return path

    def _alarms(self) -> list[Observation]:
        """Met if no alarm is active; an alarm without data does not count as healthy."""
        prefix = f"{self._plan.project}-{self._plan.environment}-"
        pages = self._deployment.cloud.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        states = {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}
        active = sorted(name for name, state in states.items() if state == "ALARM")
        silent = sorted(name for name, state in states.items() if state == "INSUFFICIENT_DATA")
        says = f"{len(active)} of {len(states)} alarms are active"
        observations = [met_if(bool(states) and not active, f"{says}: {', '.join(active)}" if active else says)]
        if silent:
            observations.append(unchecked(f"alarms without data yet: {', '.join(silent)}"))
        return observations

    def _backups(self) -> Observation:
        """Met if a backup finished recently, according to the markers of infra/clickhouse/bin/backup.sh."""
        bucket = self._deployment.outputs().get("BackupBucketName")
        if bucket is None:
            return unchecked("backups of ClickHouse Cloud: its console shows them")
        pages = self._deployment.cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="marks/")
        marks = [(entry["LastModified"], entry["Key"]) for page in pages for entry in page.get("Contents", [])]
        if not marks:
            return Observation("not met", f"no backup has finished in {bucket}: runbooks/backup_missing.md")
        finished, name = max(marks)
        hours = (datetime.now(UTC) - finished).total_seconds() / 3600
        says = f"newest backup {name.removeprefix('marks/')}, {hours:,.1f} h ago (allowed: {_BACKUP_HOURS})"
        return met_if(hours <= _BACKUP_HOURS, says)

    def _smoke(self) -> list[Any]:
        from infra.mwaa.deployment import smoke

        return smoke.run(self._deployment.cloud, self._plan, None, self._deployment.outputs())

    def _topic(self) -> list[Observation]:
        topic = self._deployment.outputs().get("AlertTopicArn")
        if topic is None:
            return [Observation("not met", "no stack has the output AlertTopicArn: deploy foundation")]
        found = self._deployment.cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        # Until the email address is confirmed, this text replaces the ARN.
        confirmed = [one for one in found if one["SubscriptionArn"] != "PendingConfirmation"]
        return [met_if(bool(confirmed), f"{len(confirmed)} confirmed subscribers of the alert topic")]

    def _metrics(self) -> Observation:
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
def _aws_errors(region: str) -> Iterator[None]:
    """Turn an error of AWS into an OperationFailed with one sentence."""
    from botocore.exceptions import BotoCoreError, ClientError

    from infra.mwaa.deployment.cloud import explain

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explain(error, region) from None


def _observation(check: Any) -> Observation:
    return met_if(check.good, f"{check.name}: {check.found}" + ("" if check.good else f" (look at: {check.act})"))
