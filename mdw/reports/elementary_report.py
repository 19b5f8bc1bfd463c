"""Elementary's report: one HTML file about the runs that it recorded."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from mdw.publishing import dbt
from mdw.publishing.elementary_packages import prepare
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings


def recorded_runs(settings: Settings) -> int:
    """Number of runs that Elementary has recorded."""
    with connect(settings, "auditor") as client:
        there = client.query(
            "select count() from system.tables where database = 'elementary' and name = 'dbt_invocations'"
        ).result_rows[0][0]
        return int(client.query("select count() from elementary.dbt_invocations").result_rows[0][0]) if there else 0


def write(settings: Settings, path: Path) -> Path:
    """Write the report to `path` and return it; raises OperationFailed if `edr report` fails."""
    project = _project(settings)
    config = settings.home / "dbt" / "edr"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.yml").write_text("anonymous_usage_tracking: false\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "mdw.reports.elementary_cli", str(project), "report"),
            *("--config-dir", str(config), "--profiles-dir", str(dbt.DBT_PROJECT)),
            *("--target-path", str(config / "target"), "--file-path", str(path)),
            *("--project-name", "Market data warehouse", "--open-browser", "false"),
        ],
        # It runs `dbt` from the PATH.
        env={**dbt.environment(settings), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if ended.returncode or not path.exists():
        reason = (ended.stderr.strip() or ended.stdout.strip() or "no reason given").splitlines()[-1]
        raise OperationFailed(f"`edr report` failed: {reason} (log: {config / 'target' / 'edr.log'})")
    return path


def _project(settings: Settings) -> Path:
    spec = find_spec("elementary")
    if spec is None or not spec.submodule_search_locations:
        raise OperationFailed("Elementary's CLI is not installed: `pip install elementary-data`, or `make setup`.")
    packages = prepare(settings)
    copy = settings.home / "dbt" / "edr" / "project"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(Path(spec.submodule_search_locations[0]) / "monitor" / "dbt_project", copy)
    installed = copy / "dbt_packages"
    installed.mkdir()
    for name in ("elementary", "dbt_utils"):
        (installed / name).symlink_to((packages / name).resolve())
    return copy
