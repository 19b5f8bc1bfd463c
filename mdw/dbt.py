"""Run dbt as a person would, with the connection in its environment and its events as progress."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdw import universe
from mdw.output import err
from warehouse import trust
from warehouse.errors import WorldError
from warehouse.settings import PROJECT, Settings

DBT_PROJECT = PROJECT / "dbt_project"
_BAD = ("error", "fail", "runtime error")


@dataclass(frozen=True)
class NodeResult:
    """What dbt says of one model or test. `failures` is the number of rows a test found."""

    unique_id: str
    status: str
    message: str
    failures: int
    seconds: float

    @property
    def name(self) -> str:
        """The short name: the model, or the test without its hash."""
        return self.unique_id.split(".")[2]


@dataclass
class DbtRun:
    """How one dbt call ended: nodes with their results, what macros logged, what stopped dbt itself."""

    exit_code: int = 0
    nodes: list[NodeResult] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[NodeResult]:
        """Models and tests that ended badly."""
        return [node for node in self.nodes if node.status in _BAD]

    @property
    def warned(self) -> list[NodeResult]:
        """Tests that found something worth a look."""
        return [node for node in self.nodes if node.status == "warn"]

    def status_of(self, name: str) -> str | None:
        """Status of the model with this name."""
        return next((node.status for node in self.nodes if node.name == name), None)


def owner(settings: Settings) -> str:
    """Who builds, as other builds are told: this machine and this warehouse."""
    return f"{socket.gethostname()}:{settings.home}"


def environment(settings: Settings) -> dict[str, str]:
    """The process environment that the dbt profile reads; the password goes nowhere else."""
    connection = settings.connection("transform")
    trust.install(settings)
    return {
        **os.environ,
        "MDW_DBT_HOST": connection.host,
        "MDW_DBT_HTTP_PORT": str(connection.http_port),
        "MDW_DBT_USER": connection.user,
        "MDW_DBT_PASSWORD": connection.password,
        "MDW_DBT_SECURE": "true" if connection.secure else "false",
        "MDW_DBT_PACKAGES_INSTALLED": str(packages(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def packages(settings: Settings) -> Path:
    """Where the dbt packages of elementary/ are installed; dbt_project/ itself needs none."""
    return settings.home / "dbt" / "packages"


def target(settings: Settings) -> Path:
    """Where the artifacts of the last run are (manifest.json, run_results.json)."""
    return settings.home / "dbt" / "target"


def run(
    settings: Settings,
    command: str,
    variables: Mapping[str, object],
    *extra: str,
    sub: tuple[str, ...] = (),
    held: tuple[int, ...] = (),
    project: Path = DBT_PROJECT,
    artifacts: Path | None = None,
    package_variables: Mapping[str, object] | None = None,
) -> DbtRun:
    """`dbt COMMAND` in dbt_project/, or another project, with progress on a terminal.

    `variables` are read by our macros (`of_this_run`); they go by the environment, so that dbt need not parse the
    project again when they change. `package_variables` are those that packages read, and go by --vars.
    `artifacts` is another place than target() for what dbt writes. `held` are files that stay open as long as dbt
    works, even where this process is killed: a lock on them then outlives it. Raises WorldError where dbt could not
    start its work at all.
    """
    artifacts = artifacts or target(settings)
    results = artifacts / "run_results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    logs = settings.home / "dbt" / "logs"
    arguments = [
        sys.executable,
        "-m",
        "dbt.cli.main",
        "--log-format",
        "json",
        "--log-path",
        str(logs),
        command,
        *sub[:1],
    ]
    arguments += ["--project-dir", str(project), "--profiles-dir", str(DBT_PROJECT)]
    given = json.dumps({**universe.variables(settings), **(package_variables or {})})
    arguments += ["--target-path", str(artifacts), "--vars", given, *sub[1:], *extra]
    with subprocess.Popen(
        arguments,
        env={**environment(settings), "MDW_DBT_RUN": json.dumps(dict(variables))},
        cwd=project,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=held,
    ) as process:
        assert process.stdout is not None
        outcome = _follow(process.stdout)
    outcome.exit_code = process.returncode
    outcome.nodes = _nodes(results)
    if outcome.exit_code and not outcome.nodes:
        raise WorldError(f"dbt stopped: {' '.join(outcome.errors) or 'no reason given'} (log: {logs / 'dbt.log'})")
    return outcome


def _follow(lines: Iterable[str]) -> DbtRun:
    outcome = DbtRun()
    with err.status("dbt starts") as spinner:
        for line in lines:
            event = _event(line)
            if event is None:
                continue
            info = event["info"]
            message = str(info["msg"]).strip()
            if event.get("data", {}).get("node_info") and info["level"] == "info":
                spinner.update(message)
            if info["name"] == "JinjaLogInfo":
                outcome.notices.append(message)
            elif info["level"] == "error":
                outcome.errors.append(message)
    return outcome


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return {"info": {"msg": line, "level": "error", "name": "Text"}} if line.strip() else None
    return event if isinstance(event, dict) and "info" in event else None


def _nodes(path: Path) -> list[NodeResult]:
    if not path.exists():
        return []
    return [
        NodeResult(
            unique_id=result["unique_id"],
            status=result["status"],
            message=result["message"] or "",
            failures=result["failures"] or 0,
            seconds=result["execution_time"],
        )
        for result in json.loads(path.read_text())["results"]
    ]
