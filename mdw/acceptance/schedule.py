"""Criterion 3: incremental updates on a schedule, with job status, failure alerts and logs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mdw.acceptance.airflow import AirflowApi
from mdw.acceptance.context import Context
from mdw.acceptance.verdict import Observation, met_if, unchecked
from mdw.alerting import sending
from mdw.alerting.alert import Alert
from mdw.alerting.channels import channels
from warehouse.client import connect

DAG = "market_data_update"
ALERT_DAG = "market_data_alert_test"
_RUNS = 20
# A new worker may have to start first.
_ALERT_SECONDS = 900.0
_PAUSE_SECONDS = 5.0


def check(context: Context) -> Iterator[Observation]:
    """Check publications in the database, runs and logs in Airflow, and send one test alert."""
    yield _publications(context)
    if context.airflow is None:
        yield unchecked("job status and logs: name the Airflow (--airflow URL, or --aws NAME)")
    else:
        yield from _runs(context, context.airflow)
    if context.cloud is not None and context.airflow is not None:
        # Sent from the workers that report failures, with their rights.
        yield _alert_by_airflow(context.airflow)
    else:
        yield _alert(context)
    if context.cloud is not None:
        yield from context.cloud.alerts()


def _publications(context: Context) -> Observation:
    with connect(context.settings) as client:
        query = "select count() from marts.snapshots where published_at > now() - interval 1 day"
        since = int(str(client.command(query)))
    minutes, allowed = context.age.total_seconds() / 60, context.max_age.total_seconds() / 60
    says = f"newest publication {minutes:,.0f} min ago (allowed: {allowed:,.0f}), {since} in the last day"
    return met_if(context.age <= context.max_age, says)


def _runs(context: Context, airflow: AirflowApi) -> Iterator[Observation]:
    dag = airflow.get(f"/dags/{DAG}")
    schedule = dag.get("timetable_summary") or dag.get("timetable_description") or "none"
    paused = bool(dag.get("is_paused", True))
    yield met_if(not paused, f"{DAG} is {'paused' if paused else 'on'}")
    answer = airflow.get(f"/dags/{DAG}/dagRuns", {"order_by": "-run_after", "limit": _RUNS})
    runs = [run for run in answer.get("dag_runs", []) if run.get("run_type") == "scheduled"]
    ended = [run for run in runs if run["state"] in ("success", "failed")]
    good = [run for run in ended if run["state"] == "success"]
    recent = bool(good) and datetime.now(UTC) - _moment(good[0]["end_date"]) <= context.max_age
    says = f"{len(good)} of the last {len(ended)} scheduled runs succeeded (schedule {schedule}), newest {_when(good)}"
    yield met_if(len(good) >= 2 and recent, says)
    if good:
        yield _log(airflow, good[0])


def _log(airflow: AirflowApi, run: dict[str, Any]) -> Observation:
    """Check the tasks of a run, and the log of its build."""
    # Select the run by time and filter here: with its id the path would be longer than MWAA accepts.
    moment = {"run_after_gte": run["run_after"], "run_after_lte": run["run_after"], "limit": 100}
    found = airflow.get(f"/dags/{DAG}/dagRuns/~/taskInstances", moment).get("task_instances", [])
    tasks = [task for task in found if task["dag_run_id"] == run["dag_run_id"]]
    tries = next((task["try_number"] for task in tasks if task["task_id"] == "build"), None)
    if tries is None:
        return Observation("not met", f"run {run['dag_run_id']} has no task build")
    lines = airflow.log_lines(DAG, run["dag_run_id"], "build", tries)
    return met_if(lines > 0, f"{len(tasks)} tasks with a status each, log of the build: {lines} lines")


def _alert_by_airflow(airflow: AirflowApi) -> Observation:
    """Run the DAG that sends one alert from a worker."""
    run_id = f"test-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    airflow.post(f"/dags/{ALERT_DAG}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
    state = "queued"
    until = time.monotonic() + _ALERT_SECONDS
    while state not in ("success", "failed") and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
        state = str(airflow.get(f"/dags/{ALERT_DAG}/dagRuns/{run_id}").get("state"))
    says = f"run {run_id} of {ALERT_DAG}, which sends an alert from a worker, ended as {state}"
    return met_if(state == "success", f"{says}; did it arrive?" if state == "success" else says)


def _alert(context: Context) -> Observation:
    """Send a message through every configured channel."""
    names = [channel.name for channel in channels(context.settings) if channel.name != "log"]
    if not names:
        return unchecked("failure alerts: no channel is configured here (MDW_ALERT_SNS_TOPIC, MDW_ALERT_WEBHOOK_URL)")
    alert = Alert("test:acceptance", "info", "Test alert by `mdw acceptance`: nothing is wrong")
    result = sending.raise_alert(context.settings, alert)
    sending.resolve(context.settings, alert.key)
    return met_if(
        bool(result.sent) and not result.errors, "; ".join(result.errors) or f"{', '.join(names)} accepted an alert"
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _when(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return "never"
    minutes = (datetime.now(UTC) - _moment(runs[0]["end_date"])).total_seconds() / 60
    return f"{minutes:,.0f} min ago"
