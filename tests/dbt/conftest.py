"""dbt on a real ClickHouse: builds like `dbt build`, read back through the views."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode

from tests import templates
from tests.conftest import Warehouse
from warehouse.project import PROJECT

DBT_PROJECT = PROJECT / "dbt_project"


@cache
def parsed_project() -> Manifest:
    """The project as dbt parses it; what depends on the server or on variables is rendered in each run."""
    # Any port: nothing is connected to.
    anywhere = {"MDW_DBT_HOST": "127.0.0.1", "MDW_DBT_HTTP_PORT": "8123", "MDW_DBT_USER": "transform"}
    with TemporaryDirectory() as target, patch.dict(os.environ, anywhere):
        templates.place_parsed(Path(target), int(anywhere["MDW_DBT_HTTP_PORT"]))
        options = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", target]
        result = dbtRunner().invoke(["--quiet", "--log-path", target, "parse", *options])
        templates.keep_parsed(Path(target), os.environ.copy)
    assert isinstance(result.result, Manifest), result.exception
    return result.result


def unrendered(manifest: Manifest) -> Manifest:
    """The manifest without what an earlier run rendered: dbt keeps the rendered SQL of ephemeral models."""
    for node in manifest.nodes.values():
        if isinstance(node, ModelNode):
            node.compiled, node.compiled_code, node._pre_injected_sql = False, None, None
            node.extra_ctes_injected, node.extra_ctes = False, []
    return manifest


@dataclass
class Outcome:
    """Outcome and output of a dbt call."""

    succeeded: bool
    text: str


@dataclass
class Dbt:
    """dbt connected to one warehouse, with the transform role."""

    warehouse: Warehouse
    target: Path
    profiles: Path = DBT_PROJECT

    def environment(self) -> dict[str, str]:
        connection = self.warehouse.settings.connection("transform")
        return {
            **os.environ,
            "MDW_DBT_HOST": connection.host,
            "MDW_DBT_HTTP_PORT": str(connection.http_port),
            "MDW_DBT_USER": connection.user,
            "MDW_DBT_PASSWORD": connection.password,
        }

    def start(self, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments),
                *self._options(variables),
            ],
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _options(self, variables: dict[str, Any]) -> list[str]:
        return [
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(self.profiles)),
            *("--target-path", str(self.target), "--log-path", str(self.target / "logs")),
            *("--vars", json.dumps(variables)),
        ]

    def run(self, *arguments: str, **variables: Any) -> Outcome:
        """dbt in this process on a project that was parsed once: seconds instead of half a minute."""
        said: list[str] = []
        with patch.dict(os.environ, self.environment()):
            runner = dbtRunner(
                manifest=unrendered(parsed_project()),
                callbacks=[lambda event: said.append(event.info.msg)],  # type: ignore[attr-defined]
            )
            result = runner.invoke([*arguments, *self._options(variables)])
        return Outcome(result.success, "\n".join([*said, str(result.exception or "")]))

    def build(self, snapshot_id: str, **variables: Any) -> Outcome:
        """The build without the unit tests, which have their own test."""
        return self.run("build", "--exclude-resource-type", "unit_test", snapshot_id=snapshot_id, **variables)

    def publish(self, snapshot_id: str, **variables: Any) -> None:
        outcome = self.build(snapshot_id, **variables)
        assert outcome.succeeded, outcome.text

    def bars(self, snapshot_id: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Rows of the fast view, in the order of the key."""
        return self.warehouse.rows(
            f"select {columns} from marts.v_bars_at(snapshot_id = {{id:String}}) "
            "order by instrument_id, timeframe, open_time",
            id=snapshot_id,
        )


@pytest.fixture
def dbt(warehouse: Warehouse, tmp_path: Path) -> Dbt:
    return Dbt(warehouse, tmp_path / "target")


@pytest.fixture(scope="module")
def module_dbt(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    return Dbt(module_warehouse, tmp_path_factory.mktemp("target"))
