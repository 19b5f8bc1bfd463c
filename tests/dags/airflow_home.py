"""Airflow in its own environment, driven as a person drives it: by its command line, in a home of its own."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdw.acceptance.local_airflow import quiet
from warehouse.project import PROJECT

BIN = Path(os.environ.get("MDW_TEST_AIRFLOW", PROJECT / ".venv-airflow")) / "bin"
DAGS = PROJECT / "dags"


def version() -> tuple[int, ...]:
    """Of the Airflow in BIN: (3, 3, 1)."""
    (found,) = BIN.parent.glob("lib/python3*/site-packages/apache_airflow-3*.dist-info")
    return tuple(int(part) for part in found.name.removesuffix(".dist-info").rpartition("-")[2].split("."))


@dataclass
class Airflow:
    """An AIRFLOW_HOME with a migrated database. `pipeline` is the environment of the warehouse, for tasks."""

    home: Path
    pipeline: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **quiet(self.home),
            "MDW_BIN": f"{sys.executable} {Path(__file__).with_name('mdw_program.py')}",
            "MDW_RETRY_SECONDS": "1",
            "MDW_DEADLINES": "off",
            # The scheduler puts the folder on sys.path; `airflow dags test` of 3.0 does not.
            "PYTHONPATH": str(DAGS),
            **self.pipeline,
        }

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "airflow"), *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def migrate(self) -> None:
        ended = self.run("db", "migrate")
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """In Airflow's interpreter, with the DAG folder on the path."""
        environment = {**self.environment, "PYTHONPATH": str(DAGS)}
        command = [str(BIN / "python"), "-c", code]
        return subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True, timeout=120)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """From Airflow's own database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql, parameters).fetchall()

    def test_dag(self, dag_id: str, when: str, *options: str) -> "Run":
        ended = self.run("dags", "test", dag_id, when, *options, timeout=1700)
        return Run(self, dag_id, ended.returncode, ended.stdout + ended.stderr)


@dataclass
class Run:
    """One run by `airflow dags test`."""

    airflow: Airflow
    dag_id: str
    code: int
    log: str

    @property
    def state(self) -> str:
        rows = self.airflow.query("select state from dag_run where dag_id = ? order by id desc limit 1", self.dag_id)
        return rows[0][0]

    @property
    def tasks(self) -> dict[str, tuple[str, int]]:
        """State and number of tries of every task of the newest run."""
        rows = self.airflow.query(
            "select task_id, map_index, state, try_number from task_instance where dag_id = ? and run_id = "
            "(select run_id from dag_run where dag_id = ? order by id desc limit 1)",
            self.dag_id,
            self.dag_id,
        )
        return {f"{task}[{index}]" if index >= 0 else task: (state, tries) for task, index, state, tries in rows}

    @property
    def events(self) -> list[dict[str, Any]]:
        """Extra of every asset event of the DAG."""
        rows = self.airflow.query("select extra from asset_event where source_dag_id = ? order by id", self.dag_id)
        return [json.loads(row[0]) for row in rows]
