"""Sends alerts about failures in Airflow: with `mdw notify`, else directly to SNS, else to the log. Never raises."""

import logging
import os
import subprocess
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from market_data.environment import environment
from market_data.process import program

# For tasks that do not name a runbook of their own.
RUNBOOK = "runbooks/airflow_stuck.md"


def key(dag_id: str, *below: str) -> str:
    """The alert key; a DAG's key is the parent of its tasks' keys, so resolving it resolves all of them."""
    return ":".join(("airflow", dag_id, *below))


_log = logging.getLogger(__name__)


def task_failed(context: Mapping[str, Any]) -> None:
    """`on_failure_callback` of every task, after its last try: counts the failure for the alarm, and sends an alert."""
    task = context["ti"]
    _count_failure(task.dag_id)
    tries = f"after {task.try_number} {'try' if task.try_number == 1 else 'tries'}"
    name = task.task_id + (f"[{task.map_index}]" if task.map_index >= 0 else "")
    reason = context.get("exception") or "no exception was given: the task was killed"
    send(
        f"{task.dag_id}.{name} failed {tries}",
        f"{reason}.",
        run_link(task.dag_id, task.run_id, task.task_id),
        key(task.dag_id, name),
        getattr(context.get("task"), "runbook", RUNBOOK),
    )


def _count_failure(dag_id: str) -> None:
    """Metric FailedTasks of namespace Mdw, which infra/mwaa/templates/monitoring.yaml alarms on.

    Airflow's own `ti_failures` counts every try, and 3.0 does not send it at all.
    """
    environment_name = os.environ.get("MDW_ENVIRONMENT")
    if not environment_name:
        return
    try:
        import boto3

        dimensions = [{"Name": "Environment", "Value": environment_name}]
        data = [
            {"MetricName": "FailedTasks", "Unit": "Count", "Value": 1.0, "Dimensions": [*dimensions, *more]}
            for more in ([], [{"Name": "Dag", "Value": dag_id}])
        ]
        boto3.client("cloudwatch").put_metric_data(Namespace="Mdw", MetricData=data)
    except Exception:
        _log.exception("CloudWatch did not accept the metric FailedTasks")


def deadline_missed(context: Mapping[str, Any] | None = None, minutes: int = 0, **_: Any) -> None:
    """Callback of the DAGs' deadline: the run has not ended `minutes` after it was queued."""
    run = (context or {}).get("dag_run") or {}
    dag_id, run_id = run.get("dag_id", "a market data DAG"), run.get("dag_run_id") or run.get("run_id", "")
    send(
        f"{dag_id} is late",
        f"Run {run_id} has not ended {minutes} minutes after it was queued.",
        run_link(dag_id, run_id),
        key(dag_id, "late"),
    )


def run_link(dag_id: str, run_id: str, task_id: str = "") -> str:
    """Link to the run, or to the log of its task."""
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    path = f"/dags/{quote(dag_id)}/runs/{quote(run_id)}"
    return f"{base}{path}" + (f"/tasks/{quote(task_id)}" if task_id else "")


def send(subject: str, text: str, link: str, alert_key: str, runbook: str = RUNBOOK) -> None:
    """Send an alert of severity error; its key lets the notifier hold back repetitions."""
    _log.error("ALERT %s: %s %s", subject, text, link)
    options = ["--severity", "error", "--text", text, "--link", link, "--runbook", runbook, "--key", alert_key]
    command = [*program(), "notify", subject, *options]
    try:
        ended = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=60, check=False)
        if ended.returncode == 0:
            return
        _log.warning("mdw notify failed (exit code %s): %s", ended.returncode, ended.stderr.strip()[-500:])
    except (OSError, subprocess.SubprocessError) as error:
        # Callbacks of killed tasks run next to the scheduler, where our venv does not exist on MWAA.
        _log.warning("mdw notify cannot be started here: %s", error)
    _to_sns(subject, f"{text}\n{link}\n{runbook}")


def _environment() -> dict[str, str]:
    try:
        # This role may record what was sent, so that nothing is sent twice.
        return environment("transform")
    except Exception as error:
        _log.warning("the alert goes out without the database: %s", error)
        return dict(os.environ)


def _to_sns(subject: str, text: str) -> None:
    topic = os.environ.get("MDW_ALERT_TOPIC_ARN")
    if not topic:
        return
    try:
        import boto3

        client = boto3.client("sns", region_name=topic.split(":")[3])
        client.publish(TopicArn=topic, Subject=subject[:100], Message=text)
    except Exception:
        _log.exception("the alert could not be sent to %s", topic)
