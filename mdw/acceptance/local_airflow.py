"""Airflow as a person starts it on a laptop: `airflow standalone`, from its own environment in .venv-airflow."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from mdw.acceptance.airflow import HttpAirflow
from mdw.acceptance.schedule import DAG
from mdw.output import err
from warehouse.errors import WorldError
from warehouse.settings import PROJECT

_BIN = PROJECT / ".venv-airflow" / "bin"
_START_SECONDS, _RUN_SECONDS = 300, 600


class LocalAirflow:
    """Runs the DAGs of this checkout in a home of its own while the context is open; no login, loopback only."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.installed = (_BIN / "airflow").exists()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        self._run("db", "migrate")
        self._run("pools", "import", str(PROJECT / "dags" / "pools.json"))
        self._log = (self.home / "standalone.log").open("ab")
        self._process = subprocess.Popen(
            [str(_BIN / "airflow"), "standalone"],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # One group, so that every part of it ends with it.
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            for way in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self._process.pid, way)
                    self._process.wait(30)
                except ProcessLookupError:
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._log.close()

    def wait_for_runs(self, wanted: int) -> None:
        """Switch the update on and wait until so many more scheduled runs have ended, well or not."""
        api = HttpAirflow(self.url)
        self._wait_for_dag(api)
        before = self._ended(api)
        self._run("dags", "unpause", DAG)
        until = time.monotonic() + wanted * _RUN_SECONDS
        told = 0
        while (ended := self._ended(api) - before) < wanted:
            if ended > told:
                told = ended
                err.print(f"  {ended} of {wanted} runs have ended", soft_wrap=True)
            if time.monotonic() > until:
                raise WorldError(f"No {wanted} runs of {DAG} in {wanted * _RUN_SECONDS} s: {self.home}/standalone.log")
            time.sleep(5)

    def _wait_for_dag(self, api: HttpAirflow) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                api.get(f"/dags/{DAG}")
                return
            except WorldError as error:
                if time.monotonic() > until or (self._process and self._process.poll() is not None):
                    raise WorldError(f"Airflow does not start: {error} See {self.home}/standalone.log") from None
            time.sleep(2)

    def _ended(self, api: HttpAirflow) -> int:
        runs = api.get(f"/dags/{DAG}/dagRuns", {"run_type": "scheduled", "limit": 100})["dag_runs"]
        return sum(run["state"] in ("success", "failed") for run in runs)

    def _run(self, *arguments: str) -> None:
        ended = subprocess.run(
            [str(_BIN / "airflow"), *arguments],
            env=self._environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise WorldError(f"`airflow {' '.join(arguments)}` failed: {ended.stderr.strip()[-500:]}")

    @property
    def _environment(self) -> dict[str, str]:
        port = self.url.rpartition(":")[2]
        return {
            **os.environ,
            # `standalone` starts its parts by the name `airflow`.
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "DO_NOT_TRACK": "1",
            "SCARF_ANALYTICS": "false",
            "MDW_BIN": shlex.join(["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "mdw"]),
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
