"""dbt on a warehouse shared by the tests of one module, `mdw` run in this process, and fast builds."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mdw.cli import entry_point
from tests.dbt.conftest import Dbt, dbt, module_dbt  # noqa: F401

# What is needed to publish new bars after a complete build: the mart, its audits and the registry.
PUBLISH = (
    "--select",
    "bars",
    "snapshot_manifest",
    "path:models/quality/results",
    "dq_conflicting_rows",
    "snapshots",
    "--exclude",
    "v_dataset_condition*",
)


@dataclass
class Said:
    """How one `mdw` command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def mdw(module_dbt: Dbt, monkeypatch, capsys) -> Callable[..., Said]:  # noqa: F811
    """Run `mdw snapshot …` on the module's warehouse."""
    for name, value in module_dbt.warehouse.environment.items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["mdw", "snapshot", *words])
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        with pytest.raises(SystemExit) as ended:
            entry_point.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, " ".join(said.err.split()))

    return call


def quick_publish(project: Dbt, snapshot_id: str, **variables: Any) -> None:
    outcome = project.run("build", *PUBLISH, snapshot_id=snapshot_id, **variables)
    assert outcome.succeeded, outcome.text
