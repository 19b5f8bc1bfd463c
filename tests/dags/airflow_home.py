"""Airflow in its own environment, used through its command line, with its own home."""

import json
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from mdw.acceptance.local_airflow import quiet
from warehouse.project import PROJECT

BIN = Path(os.environ.get("MDW_TEST_AIRFLOW", PROJECT / ".venv-airflow")) / "bin"
DAGS = PROJECT / "dags"


def version() -> tuple[int, ...]:
    """Version of the Airflow in BIN: (3, 3, 1)."""
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
        """Run in Airflow's interpreter, with the DAG folder on the path."""
        environment = {**self.environment, "PYTHONPATH": str(DAGS)}
        command = [str(BIN / "python"), "-c", code]
        return subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True, timeout=120)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Query Airflow's own database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql, parameters).fetchall()

    def test_dag(self, dag_id: str, when: str, *options: str) -> "Run":
        """Run a DAG to its end; `options` are those of `airflow dags test`."""
        if version() < (3, 1):
            # `airflow dags test` of 3.0.6 hangs in its in-process API on the second try of a task.
            conf = options[options.index("--conf") + 1] if "--conf" in options else "{}"
            return self._unscheduled().by_scheduler(dag_id, when, conf)
        ended = self.run("dags", "test", dag_id, when, *options, timeout=1700)
        return Run(self, dag_id, ended.returncode, ended.stdout + ended.stderr)

    def _unscheduled(self) -> "Airflow":
        """The same, with DAGs that run only when they are triggered; the tasks keep their universe."""
        universe = self.pipeline["MDW_UNIVERSE"]
        content = yaml.safe_load(Path(universe).read_text())
        unscheduled = self.home / "unscheduled.yml"
        unscheduled.write_text(yaml.safe_dump({**content, "schedule": {"update": "", "daily": ""}}))
        program = shlex.join(["env", f"MDW_UNIVERSE={universe}", *shlex.split(self.environment["MDW_BIN"])])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        ours = {
            "MDW_UNIVERSE": str(unscheduled),
            "MDW_BIN": program,
            # Components start each other as `airflow`.
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test, long enough for the algorithm",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "2",
        }
        return replace(self, pipeline={**self.pipeline, **ours})

    def by_scheduler(self, dag_id: str, when: str, conf: str) -> "Run":
        """As in a deployment: triggered, then carried out by the scheduler, its executor and the API server."""
        for command in (
            ("pools", "import", str(DAGS / "pools.json")),
            ("dags", "reserialize"),
            ("dags", "unpause", dag_id),
            ("dags", "trigger", dag_id, "--logical-date", when, "--conf", conf),
        ):
            ended = self.run(*command)
            if ended.returncode != 0:
                return Run(self, dag_id, ended.returncode, ended.stdout + ended.stderr)
        run = Run(self, dag_id, 0, "")
        with self._started("api-server", "scheduler", "dag-processor"):
            until = time.monotonic() + 1700
            while run.state not in ("success", "failed") and time.monotonic() < until:
                time.sleep(1)
        run.code = 0 if run.state == "success" else 1
        run.log = "\n".join(
            path.read_text() for path in sorted((self.home / "logs" / f"dag_id={dag_id}").rglob("*.log"))
        )
        return run

    @contextmanager
    def _started(self, *components: str) -> Iterator[None]:
        processes: Sequence[subprocess.Popen[bytes]] = [
            subprocess.Popen(
                [str(BIN / "airflow"), component],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=(self.home / f"{component}.log").open("ab"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for component in components
        ]
        try:
            yield
        finally:
            for process in processes:
                for way in (signal.SIGTERM, signal.SIGKILL):
                    try:
                        os.killpg(process.pid, way)
                        process.wait(20)
                    except ProcessLookupError:
                        break
                    except subprocess.TimeoutExpired:
                        continue


@dataclass
class Run:
    """One run that has ended."""

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
