"""Values that several programs share but cannot import from each other: each copy is compared with the original."""

import ast

import alphaforge_data.snapshots
from dlt_pipelines.core import schedules
from warehouse.project import PROJECT
from warehouse.snapshot_ids import SNAPSHOT_ID

FOLDERS = ("alphaforge_data", "dags", "dlt_pipelines", "infra", "mdw", "warehouse")


def places_of(text: str) -> set[str]:
    """Python files with a text in one of their string constants."""
    return {
        path.relative_to(PROJECT).as_posix()
        for folder in FOLDERS
        for path in (PROJECT / folder).rglob("*.py")
        if any(
            isinstance(node, ast.Constant) and isinstance(node.value, str) and text in node.value
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }


def test_snapshot_ids_have_one_pattern():
    """The SDK imports nothing of ours, and dbt also builds without `mdw`: both have a copy."""
    macro = (PROJECT / "dbt_project" / "macros" / "snapshots" / "snapshot_id.sql").read_text()
    assert alphaforge_data.snapshots._ID.pattern == SNAPSHOT_ID.pattern
    assert f"'^{SNAPSHOT_ID.pattern}$'" in macro
    assert places_of(SNAPSHOT_ID.pattern) == {"alphaforge_data/snapshots.py", "warehouse/snapshot_ids.py"}


def test_default_schedules_are_written_once():
    assert places_of(schedules.UPDATE) == places_of(schedules.DAILY) == {"dlt_pipelines/core/schedules.py"}
