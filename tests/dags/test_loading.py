"""The DAG folder as Airflow's own DAG processor loads it."""

import json
from typing import Any

import pytest

from dlt_pipelines.planning.universe import load
from tests.dags.airflow_home import DAGS, Airflow, version
from warehouse.project import PROJECT

UNIVERSE = load(PROJECT / "config" / "universe.yml")
SCHEDULES = {
    "market_data_alert_test": None,
    "market_data_backfill": None,
    "market_data_daily": UNIVERSE.schedule.daily,
    "market_data_update": UNIVERSE.schedule.update,
}
# MWAA's queue redelivers a message after that (visibility timeout): the task would run twice.
QUEUE_SECONDS = 12 * 3600
VENUES = {series.venue for series in UNIVERSE.series()}
WRITERS = {"build", "retention"}


@pytest.fixture(scope="module")
def loaded(airflow: Airflow) -> dict[str, dict[str, Any]]:
    """Every DAG as the scheduler sees it."""
    with_deadlines = Airflow(airflow.home, {"MDW_DEADLINES": "on"})
    ended = with_deadlines.run("dag-processor", "--num-runs", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert with_deadlines.query("select filename, stacktrace from import_error") == []
    rows = with_deadlines.query(
        "select dag_id, data from serialized_dag where id in (select max(id) from serialized_dag group by dag_id)"
    )
    return {dag_id: json.loads(data)["dag"] for dag_id, data in rows}


def tasks(dag: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plain = (entry["__var"] for entry in dag["tasks"])
    return {task["task_id"]: {**task, **task.get("partial_kwargs", {})} for task in plain}


def test_exactly_these_dags(loaded: dict[str, Any]):
    assert set(loaded) == set(SCHEDULES)


@pytest.mark.parametrize("dag_id", SCHEDULES)
def test_schedule_comes_from_the_universe(loaded: dict[str, Any], dag_id: str):
    timetable = loaded[dag_id]["timetable"]
    assert timetable["__var"].get("expression") == SCHEDULES[dag_id]
    assert timetable["__var"].get("timezone", "UTC") == "UTC"


@pytest.mark.parametrize("dag_id", SCHEDULES)
def test_one_run_at_a_time_no_catching_up_and_a_deadline(loaded: dict[str, Any], dag_id: str):
    dag = loaded[dag_id]
    assert dag["max_active_runs"] == 1
    assert not dag.get("catchup", False)
    # Airflow 3.0 has none: there only the alarm on missing publications remains.
    assert bool(dag.get("deadline")) is (version() >= (3, 1))


@pytest.mark.parametrize("dag_id", SCHEDULES)
def test_every_pool_is_one_that_the_deployment_makes(loaded: dict[str, Any], dag_id: str):
    pools = json.loads((DAGS / "pools.json").read_text())
    used = {name: task.get("pool", "default_pool") for name, task in tasks(loaded[dag_id]).items()}
    assert {pool for pool in used.values() if pool != "default_pool"} <= set(pools)
    assert {name for name, pool in used.items() if pool == "mdw_writer"} == WRITERS & set(used)
    assert all(pool["slots"] == 1 for pool in pools.values())


def test_each_venue_has_its_pool_and_its_landing(loaded: dict[str, Any]):
    update, backfill = tasks(loaded["market_data_update"]), tasks(loaded["market_data_backfill"])
    for venue in VENUES:
        assert update[f"land_{venue}"]["pool"] == f"mdw_venue_{venue}"
        assert backfill[f"{venue}.land"]["pool"] == f"mdw_venue_{venue}"


@pytest.mark.parametrize("dag_id", SCHEDULES)
def test_tasks_that_call_mdw_retry_with_growing_pauses_and_end_some_time(loaded: dict[str, Any], dag_id: str):
    defaults = loaded[dag_id]["default_args"]["__var"]
    # A flag that doubles before 3.2, the factor itself since.
    assert defaults["retry_exponential_backoff"] == (2.0 if version() >= (3, 2) else True)
    calling = {name: task for name, task in tasks(loaded[dag_id]).items() if task["task_type"] == "MdwOperator"}
    assert calling
    for name, task in calling.items():
        merged = {**defaults, **task}
        assert merged["retries"] >= 2, name
        limit = merged["execution_timeout"]
        assert 0 < (limit["__var"] if isinstance(limit, dict) else limit) < QUEUE_SECONDS, name
        # Its text in 3.0, later only its existence.
        assert task.get("has_on_failure_callback") or task.get("on_failure_callback"), name


def test_a_backfill_leaves_a_slot_of_a_small_worker_to_the_update(loaded: dict[str, Any]):
    assert loaded["market_data_backfill"]["max_active_tasks"] == 1
