"""The smoke test of a deployed environment: does it run what was deployed, and can it work?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import Plan
from infra.mwaa.deployment.release import Release

SECRETS = (
    "variables/clickhouse_url_admin",
    "variables/clickhouse_url_ingest",
    "variables/clickhouse_url_transform",
    "variables/clickhouse_url_auditor",
    "connections/mdw_clickhouse",
    "alphaforge/clickhouse_url",
)
DAGS = ("market_data_alert_test", "market_data_backfill", "market_data_daily", "market_data_update")


@dataclass(frozen=True)
class Check:
    """One line of the smoke test: what was checked, whether it is good, and what to do if not."""

    name: str
    good: bool
    found: str
    act: str = ""


def run(cloud: Cloud, plan: Plan, release: Release | None, outputs: dict[str, str]) -> list[Check]:
    """Run all checks; a check that AWS refuses counts as failed, with AWS's message."""
    checks: list[Check] = []
    sections: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("Airflow", lambda: _airflow(cloud, plan, release)),
        ("DAG files", lambda: _dags(cloud, plan)),
        ("secrets", lambda: _secrets(cloud, plan)),
        ("buckets", lambda: _buckets(cloud, outputs)),
        ("alarms", lambda: _alarms(cloud, plan)),
    )
    for name, check in sections:
        try:
            checks.extend(check())
        except (ClientError, BotoCoreError) as error:
            checks.append(Check(name, False, str(error), "check the rights of the identity that deploys"))
    return checks


def _airflow(cloud: Cloud, plan: Plan, release: Release | None) -> Iterator[Check]:
    name = f"{plan.project}-{plan.environment}"
    found = cloud.mwaa.get_environment(Name=name)["Environment"]
    yield Check(
        "Airflow",
        found["Status"] == "AVAILABLE",
        f"{name} is {found['Status']}, version {found.get('AirflowVersion')}",
        f"log groups airflow-{name}-Worker and -Scheduler, streams startup and requirements",
    )
    if release is not None:
        folder = f"releases/{release.ReleaseId}/dags"
        yield Check(
            "release", found.get("DagS3Path") == folder, f"DAGs come from {found.get('DagS3Path')}", "deploy again"
        )


def _dags(cloud: Cloud, plan: Plan) -> Iterator[Check]:
    name = f"{plan.project}-{plan.environment}"
    errors = cloud.mwaa.invoke_rest_api(Name=name, Path="/importErrors", Method="GET")["RestApiResponse"]
    broken = [entry.get("filename", "?") for entry in errors.get("import_errors", [])]
    dags = cloud.mwaa.invoke_rest_api(Name=name, Path="/dags", Method="GET")["RestApiResponse"]
    ids = sorted(entry["dag_id"] for entry in dags.get("dags", []))
    yield Check(
        "DAG files", not broken, f"import errors in {broken}" if broken else "no import errors", "see the DAG's page"
    )
    missing = sorted(set(DAGS) - set(ids))
    yield Check(
        "DAGs",
        not missing,
        f"not loaded yet: {', '.join(missing)}" if missing else ", ".join(ids),
        "log group DAGProcessing; they load within minutes",
    )


def _secrets(cloud: Cloud, plan: Plan) -> Iterator[Check]:
    missing = []
    for secret in SECRETS:
        try:
            cloud.secretsmanager.describe_secret(SecretId=f"{plan.project}/{plan.environment}/{secret}")
        except cloud.secretsmanager.exceptions.ResourceNotFoundException:
            missing.append(secret)
    yield Check(
        "secrets", not missing, f"missing: {missing}" if missing else f"{len(SECRETS)} there", "deploy stack secrets"
    )


def _buckets(cloud: Cloud, outputs: dict[str, str]) -> Iterator[Check]:
    for key in ("CodeBucketName", "DataBucketName", "BackupBucketName"):
        if key in outputs:
            block = cloud.s3.get_public_access_block(Bucket=outputs[key])["PublicAccessBlockConfiguration"]
            yield Check(
                f"bucket {outputs[key]}", all(block.values()), "public access blocked", "deploy its stack again"
            )


def _alarms(cloud: Cloud, plan: Plan) -> Iterator[Check]:
    prefix = f"{plan.project}-{plan.environment}-"
    alarms = cloud.cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    without_action = [alarm["AlarmName"] for alarm in alarms if not alarm.get("AlarmActions")]
    yield Check(
        "alarms",
        bool(alarms) and not without_action,
        f"{len(alarms)} alarms, {len(without_action)} without an action",
        "deploy monitoring",
    )
