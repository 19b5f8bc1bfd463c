"""Defaults of all market data DAGs, and tasks that several of them share."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow import __version__
from airflow.sdk import DAG, Asset
from airflow.timetables.trigger import CronTriggerTimetable

from market_data import alerts
from market_data.operator import MdwOperator

SNAPSHOTS = Asset(name="market_data_snapshots", uri="mdw://snapshots", group="market_data")
WRITER = "mdw_writer"
MIGRATIONS = "mdw_migrations"
VENUE_RUNBOOK = "runbooks/venue_outage.md"

# The logical time of a run, for templates: the same in every try. Manual runs may have no logical date.
MOMENT = "(dag_run.logical_date or dag_run.run_after)"

# Before the first retry; doubled for each further one.
RETRY_DELAY = timedelta(seconds=float(os.environ.get("MDW_RETRY_SECONDS") or 30))

DEFAULTS: dict[str, Any] = {
    "owner": "market-data",
    "retries": 3,
    "retry_delay": RETRY_DELAY,
    # A factor since Airflow 3.2, a flag before.
    "retry_exponential_backoff": True if __version__.startswith(("3.0.", "3.1.")) else 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": alerts.task_failed,
}


def market_data_dag(dag_id: str, *, schedule: str | None, late_after: timedelta, doc: str | None, **more: Any) -> DAG:
    """A DAG with the shared defaults; an alert is sent for a run that takes longer than `late_after`."""
    return DAG(
        dag_id,
        # The logical date is the start time, in every version of Airflow and whatever the environment's defaults are.
        schedule=CronTriggerTimetable(schedule, timezone="UTC") if schedule else None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        # The next run does what missed runs would have done.
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULTS,
        tags=["market-data"],
        doc_md=doc,
        **_deadline(late_after),
        **more,
    )


def migrate() -> MdwOperator:
    """Update schema and roles for this release; a no-op except in the first run after a deployment."""
    return MdwOperator(
        task_id="migrate",
        calls=[["migrate", "--json"]],
        role="admin",
        runbook="runbooks/mwaa_upgrade.md",
        pool=MIGRATIONS,
        # Short, and everything waits for it.
        priority_weight=1000,
        execution_timeout=timedelta(minutes=15),
    )


# MWAA's queue redelivers a message after 12 hours (visibility timeout): tasks must have ended by then.
LONGEST = timedelta(hours=6)


def venue_pool(venue: str) -> str:
    """The pool for one landing at a time: two processes would each use the venue's full rate limit."""
    return f"mdw_venue_{venue}"


def land(task_id: str, venue: str, arguments: list[str], **more: Any) -> MdwOperator:
    """`mdw update` or `backfill` of one venue."""
    options: dict[str, Any] = {"execution_timeout": timedelta(minutes=30), **more}
    return MdwOperator(
        task_id=task_id,
        calls=[[*arguments, "--json"]],
        role="ingest",
        runbook=VENUE_RUNBOOK,
        pool=venue_pool(venue),
        **options,
    )


def build(snapshot_id: str, note: str, observed: bool = False, **more: Any) -> MdwOperator:
    """Transform, audit, publish. `snapshot_id` is the same in every try of a run: publishing it twice is a no-op.

    `observed`: Elementary records the run, if its dbt packages are part of the release.
    """
    observe = ["--observe"] if observed and os.environ.get("MDW_DBT_PACKAGES") else []
    return MdwOperator(
        task_id="build",
        calls=[
            ["build", "--snapshot-id", snapshot_id, "--note", note, *observe, "--artifacts", published("dbt"), "--json"]
        ],
        role="transform",
        runbook="runbooks/build_failed.md",
        publishes=SNAPSHOTS,
        pool=WRITER,
        # A build whose worker died holds its claim for 30 minutes: the retries must outlast it.
        retries=6,
        retry_delay=2 * RETRY_DELAY,
        max_retry_delay=timedelta(minutes=20),
        execution_timeout=timedelta(hours=3),
        **more,
    )


def watch() -> MdwOperator:
    """Push metrics for the alarms, and send alerts about the state of the warehouse; runs even if the build failed."""
    # CloudWatch exists only on AWS: the alarms on publications and stale series need these values.
    push = [["metrics", "push", "--json"]] if os.environ.get("MDW_ENVIRONMENT") else []
    return MdwOperator(
        task_id="watch",
        calls=[*push, ["notify", "check", "--json"]],
        role="transform",
        trigger_rule="all_done",
        execution_timeout=timedelta(minutes=10),
    )


def all_clear(dag_id: str) -> MdwOperator:
    """The last task: resolves the alerts about the DAG if all tasks before it succeeded, else fails the run."""
    return MdwOperator(
        task_id="all_clear",
        calls=[["notify", f"{dag_id} runs again", "--resolve", "--key", alerts.key(dag_id), "--json"]],
        role="transform",
        execution_timeout=timedelta(minutes=10),
    )


def published(path: str) -> str:
    """Destination of reports and exports: the data bucket, else a folder in MDW_HOME."""
    bucket = os.environ.get("MDW_DATA_BUCKET")
    return f"s3://{bucket}/{path}" if bucket else in_home("published", path)


def in_home(*parts: str) -> str:
    """A path in MDW_HOME; it is the same on every worker, but the disk behind it is not shared."""
    return "/".join([os.environ.get("MDW_HOME") or ".mdw", *parts])


def _deadline(after: timedelta) -> dict[str, Any]:
    if os.environ.get("MDW_DEADLINES") == "off":
        # `airflow dags test` of 3.3.1 cannot run a DAG with a deadline ('dict' object has no attribute 'hex').
        return {}
    try:
        from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback
    except ImportError:
        # Airflow 3.0 has no deadlines: only the alarm on missing publications remains.
        return {}
    minutes = int(after.total_seconds() // 60)
    return {
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=after,
            # On a worker: MWAA's triggerer does not have our venv.
            callback=SyncCallback("market_data.alerts.deadline_missed", kwargs={"minutes": minutes}),
        )
    }
