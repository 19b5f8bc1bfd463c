"""Defaults that all market data DAGs share, and the tasks that more than one of them has."""

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

# The logical time of a run, for templates: the same in every try. Runs by hand may have no logical date.
MOMENT = "(dag_run.logical_date or dag_run.run_after)"

# Between the first two tries; then twice as long each time.
RETRY_DELAY = timedelta(seconds=float(os.environ.get("MDW_RETRY_SECONDS") or 30))

DEFAULTS: dict[str, Any] = {
    "owner": "market-data",
    "retries": 3,
    "retry_delay": RETRY_DELAY,
    # A factor since Airflow 3.2, a switch before.
    "retry_exponential_backoff": True if __version__.startswith(("3.0.", "3.1.")) else 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": alerts.task_failed,
}


def market_data_dag(dag_id: str, *, schedule: str | None, late_after: timedelta, doc: str | None, **more: Any) -> DAG:
    """A DAG with the shared defaults; `late_after` its start in the queue, an alert goes out."""
    return DAG(
        dag_id,
        # Its logical date is the moment it starts, in every Airflow and whatever the environment's defaults.
        schedule=CronTriggerTimetable(schedule, timezone="UTC") if schedule else None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        # What a missed run would have done, the next one does.
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULTS,
        tags=["market-data"],
        doc_md=doc,
        **_deadline(late_after),
        **more,
    )


def migrate() -> MdwOperator:
    """Schema and roles as this release wants them; nothing to do in all runs but the first after a deployment."""
    return MdwOperator(
        task_id="migrate",
        calls=[["migrate", "--json"]],
        role="admin",
        runbook="runbooks/mwaa_upgrade.md",
        pool=MIGRATIONS,
        # Quick, and everything waits for it.
        priority_weight=1000,
        execution_timeout=timedelta(minutes=15),
    )


# The queue of MWAA hands a message out again after 12 hours (visibility timeout): a task must have ended by then.
LONGEST = timedelta(hours=6)


def venue_pool(venue: str) -> str:
    """One landing at a time: two processes would each spend the venue's whole limit."""
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

    `observed`: Elementary records it, where its dbt packages are part of the release.
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
        # A build whose worker died holds its claim for 30 minutes: the tries must outlast it.
        retries=6,
        retry_delay=2 * RETRY_DELAY,
        max_retry_delay=timedelta(minutes=20),
        execution_timeout=timedelta(hours=3),
        **more,
    )


def watch() -> MdwOperator:
    """What the alarms look at, and what ClickHouse shows to be wrong; also where the build failed."""
    # CloudWatch is where there is AWS: the alarms on publications and stale series wait for these values.
    push = [["metrics", "push", "--json"]] if os.environ.get("MDW_ENVIRONMENT") else []
    return MdwOperator(
        task_id="watch",
        calls=[*push, ["notify", "check", "--json"]],
        role="transform",
        trigger_rule="all_done",
        execution_timeout=timedelta(minutes=10),
    )


def all_clear(dag_id: str) -> MdwOperator:
    """The last task, when all before it went well: ends the alerts about the DAG. Fails the run where one did not."""
    return MdwOperator(
        task_id="all_clear",
        calls=[["notify", f"{dag_id} runs again", "--resolve", "--key", alerts.key(dag_id), "--json"]],
        role="transform",
        execution_timeout=timedelta(minutes=10),
    )


def published(path: str) -> str:
    """Where reports and exports go: the data bucket, else a folder of MDW_HOME."""
    bucket = os.environ.get("MDW_DATA_BUCKET")
    return f"s3://{bucket}/{path}" if bucket else in_home("published", path)


def in_home(*parts: str) -> str:
    """A path below MDW_HOME, which is the same on every worker, though the disk behind it is not."""
    return "/".join([os.environ.get("MDW_HOME") or ".mdw", *parts])


def _deadline(after: timedelta) -> dict[str, Any]:
    if os.environ.get("MDW_DEADLINES") == "off":
        # `airflow dags test` of 3.3.1 cannot run a DAG with a deadline ('dict' object has no attribute 'hex').
        return {}
    try:
        from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback
    except ImportError:
        # Airflow 3.0 has no deadlines; the alarm on missing publications has to do.
        return {}
    minutes = int(after.total_seconds() // 60)
    return {
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=after,
            # On a worker: the triggerer of MWAA has no venv of ours.
            callback=SyncCallback("market_data.alerts.deadline_missed", kwargs={"minutes": minutes}),
        )
    }
