"""Runs dbt as a program, with the connection in its environment, and shows its events as progress."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from rich.text import Text

from mdw.console.output import err
from mdw.publishing import universe
from warehouse import trust
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT
from warehouse.settings import Settings

DBT_PROJECT = PROJECT / "dbt_project"
# With `-m`, Python warns on stderr that the module is imported already.
_CLI = "from dbt.cli.main import cli; cli()"
# dbt's events for finished nodes: `12 of 109 OK created … [OK in 0.52s]`.
_ENDED = ("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult", "SkippingDetails", "LogHookEndLine")
_PARSED = "partial_parse.msgpack"
_BAD = ("error", "fail", "runtime error")
# What dbt adds around the message of a macro: `Compilation Error in model …`, and the call stack.
_AROUND = re.compile(r"Compilation Error( in .*)?|> (in|called by) .*")


@dataclass(frozen=True)
class NodeResult:
    """dbt's result of one model or test. `failures` is the number of rows that a test found."""

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
    """The outcome of one dbt call: results of nodes, messages logged by macros, errors of dbt itself."""

    exit_code: int = 0
    nodes: list[NodeResult] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[NodeResult]:
        """Models and tests that failed."""
        return [node for node in self.nodes if node.status in _BAD]

    @property
    def warned(self) -> list[NodeResult]:
        """Tests that warned."""
        return [node for node in self.nodes if node.status == "warn"]

    def status_of(self, name: str) -> str | None:
        """Status of the model with this name."""
        return next((node.status for node in self.nodes if node.name == name), None)


def owner(settings: Settings) -> str:
    """The owner of a build, as shown to other builds: this machine and this warehouse."""
    return f"{socket.gethostname()}:{settings.home}"


def environment(settings: Settings) -> dict[str, str]:
    """The process environment for dbt's profile; the password is passed nowhere else."""
    connection = settings.connection("transform")
    trust.install(settings)
    return {
        **os.environ,
        "MDW_DBT_HOST": connection.host,
        "MDW_DBT_HTTP_PORT": str(connection.http_port),
        "MDW_DBT_USER": connection.user,
        "MDW_DBT_PASSWORD": connection.password,
        "MDW_DBT_SECURE": "true" if connection.secure else "false",
        "MDW_DBT_CLUSTER": settings.cluster,
        "MDW_DBT_PACKAGES_INSTALLED": str(packages(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def by_hand(settings: Settings, revision: str) -> dict[str, str]:
    """MDW_DBT_* and DBT_* variables, including the password, for running dbt by hand or from an editor as `mdw` does.

    `revision` is recorded with published snapshots. dbt writes to a separate folder under MDW_HOME, so that the
    artifacts of the last `mdw build` stay.
    """
    given: dict[str, object] = {**universe.variables(settings), "code_revision": revision}
    if settings.now is not None:
        given["now"] = settings.now.isoformat()
    own = settings.home / "dbt" / "by_hand"
    variables = {name: value for name, value in environment(settings).items() if name.startswith("MDW_DBT_")}
    return {
        **variables,
        "MDW_DBT_RUN": json.dumps(given, separators=(",", ":")),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(own / "target"),
        "DBT_LOG_PATH": str(own / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def exec_dbt(settings: Settings, arguments: Sequence[str], revision: str) -> NoReturn:
    """Replace this process by dbt with these arguments: output, signals and exit code are dbt's."""
    parsed, own = target(settings) / _PARSED, settings.home / "dbt" / "by_hand" / "target" / _PARSED
    if parsed.exists() and not own.exists():
        # Start from the last build's parse result: dbt then parses only what has changed.
        own.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, own)
    program = [sys.executable, "-c", _CLI, *arguments]
    given = {**os.environ, **by_hand(settings, revision), **_strict_selection(arguments)}
    if not sys.stdout.isatty():
        given["DBT_USE_COLORS"] = "false"
    os.execve(sys.executable, program, given)  # noqa: S606 - no shell


def _strict_selection(arguments: Sequence[str]) -> dict[str, str]:
    """Variables that turn a --select criterion which matches nothing into an error (dbt only warns and exits 0).

    Not for comparisons that may legitimately match nothing (`state:modified`), nor if the caller sets which warnings
    are errors.
    """
    compares = any(method in word for word in arguments for method in ("state:", "result:", "source_status:"))
    decides = any(word.startswith("--warn-error") for word in arguments) or any(
        name.startswith("DBT_WARN_ERROR") for name in os.environ
    )
    return {} if compares or decides else {"DBT_WARN_ERROR_OPTIONS": '{"error": ["NoNodesForSelectionCriteria"]}'}


def packages(settings: Settings) -> Path:
    """The folder of elementary/'s dbt packages; dbt_project/ itself needs none."""
    return settings.home / "dbt" / "packages"


def target(settings: Settings) -> Path:
    """The folder of the last run's artifacts (manifest.json, run_results.json)."""
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

    `variables` are read by our macros (`run_var`); they are passed through the environment, so that dbt does not
    reparse the project when they change. `package_variables` are read by packages, and passed with --vars.
    `artifacts` replaces target() as the folder that dbt writes to. `held` are file descriptors that dbt inherits, so
    that locks on them are held until dbt ends, even if this process is killed. Raises OperationFailed if dbt could not
    start its work at all.
    """
    artifacts = artifacts or target(settings)
    results = artifacts / "run_results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    logs = settings.home / "dbt" / "logs"
    arguments = [
        sys.executable,
        "-c",
        _CLI,
        "--no-use-colors",
        "--log-format",
        "json",
        "--log-format-file",
        "debug",
        "--log-path",
        str(logs),
        command,
        *sub[:1],
    ]
    arguments += ["--project-dir", str(project), "--profiles-dir", str(DBT_PROJECT)]
    given = json.dumps(dict(package_variables or {}))
    arguments += ["--target-path", str(artifacts), "--vars", given, *sub[1:], *extra]
    ours = {**universe.variables(settings), **variables}
    with subprocess.Popen(
        arguments,
        env={**environment(settings), "MDW_DBT_RUN": json.dumps(ours)},
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
        raise OperationFailed(f"dbt stopped: {' '.join(outcome.errors) or 'no reason given'} (log: {logs / 'dbt.log'})")
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
                spinner.update(Text(message))
            if info["name"] in _ENDED and " SKIP exposure " not in message and not err.is_terminal:
                # For logs such as Airflow's: which node is done, and how long it took.
                err.print(message)
            if info["name"] == "JinjaLogInfo":
                outcome.notices.append(message)
            elif info["level"] == "error":
                outcome.errors.append(_without_trace(message))
    return outcome


def _without_trace(message: str) -> str:
    """A dbt message on one line, without the macro call stack, which is in dbt's log."""
    lines = (line.strip() for line in message.splitlines())
    return " ".join(line for line in lines if line and not _AROUND.fullmatch(line))


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
            message=_without_trace(result["message"] or ""),
            failures=result["failures"] or 0,
            seconds=result["execution_time"],
        )
        for result in json.loads(path.read_text())["results"]
    ]
