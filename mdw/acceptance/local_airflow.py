"""Airflow as one runs it on a laptop: `airflow standalone`, from its own environment in .venv-airflow."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from mdw.acceptance.airflow import HttpAirflow
from mdw.acceptance.schedule import DAG
from mdw.console.output import err
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT

_BIN = PROJECT / ".venv-airflow" / "bin"
# Generous: on a busy machine the start takes minutes.
_START_SECONDS, _RUN_SECONDS = 600, 1200


def quiet(home: Path) -> dict[str, str]:
    """Environment variables for an Airflow with that home, only our DAGs, and no telemetry."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
    }


class LocalAirflow:
    """Runs the DAGs of this checkout in its own home while the context is open; no login, loopback only."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._api = HttpAirflow(self.url)
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
            # One process group, so that all of its processes end together.
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
        """Unpause the update DAG and wait until `wanted` more scheduled runs have ended, whatever their result."""
        before = self._until(_START_SECONDS, "no DAGs", self._ended_if_known)
        self._run("dags", "unpause", DAG)
        for number in range(1, wanted + 1):
            self._until(_RUN_SECONDS, f"no end of run {number}", partial(self._ended_at_least, before + number))
            err.print(f"  {number} of {wanted} runs have ended", soft_wrap=True)

    def _until(self, seconds: float, missing: str, poll: Callable[[], int | None]) -> int:
        """Call `poll` until it returns a value; raises OperationFailed after `seconds`."""
        until, last_error = time.monotonic() + seconds, ""
        while time.monotonic() < until and self._process is not None and self._process.poll() is None:
            try:
                if (found := poll()) is not None:
                    return found
            except OperationFailed as error:
                last_error = f" {error}"
            time.sleep(3)
        raise OperationFailed(
            f"Airflow shows {missing} within {seconds:.0f} s.{last_error} See {self.home / 'standalone.log'}"
        )

    def _ended_if_known(self) -> int | None:
        return self._ended() if self._api.get("/dags", {"dag_id_pattern": DAG})["dags"] else None

    def _ended_at_least(self, count: int) -> int | None:
        ended = self._ended()
        return ended if ended >= count else None

    def _ended(self) -> int:
        runs = self._api.get(f"/dags/{DAG}/dagRuns", {"run_type": "scheduled", "limit": 100})["dag_runs"]
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
            raise OperationFailed(f"`airflow {' '.join(arguments)}` failed: {ended.stderr.strip()[-500:]}")

    @property
    def _environment(self) -> dict[str, str]:
        port = self.url.rpartition(":")[2]
        return {
            **os.environ,
            # `standalone` starts its components as `airflow`.
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
            **quiet(self.home),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "MDW_BIN": shlex.join(["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "mdw"]),
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
