"""Imports go down only (docs/design.md, "The flow"): every import of the repository is checked against these layers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlt_pipelines.venues import VENUES
from warehouse.project import PROJECT

# From the top; a module imports only from its own layer's folder or from folders below it. The longest prefix wins.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("mdw.__main__",),
    ("mdw.cli.entry_point",),
    ("mdw.cli",),
    ("mdw.acceptance", "mdw.demo"),
    ("mdw.reports", "mdw.doctor", "mdw.alerting", "mdw.metrics", "mdw.live"),
    ("mdw.quality",),
    ("mdw.publishing", "mdw.backtest"),
    ("mdw.console", "mdw.checkout", "mdw.environment", "mdw.outbound", "mdw.revision"),
    ("dlt_pipelines.smoke", "dlt_pipelines.update"),
    ("dlt_pipelines.backfill",),
    ("dlt_pipelines.landing_log", "dlt_pipelines.recheck_claims"),
    ("dlt_pipelines.archive", "dlt_pipelines.live", "dlt_pipelines.rest"),
    ("dlt_pipelines.planning",),
    ("dlt_pipelines.http",),
    ("dlt_pipelines.venues",),
    ("dlt_pipelines.core",),
    ("warehouse",),
)
# Packages next to the layers, and which of our packages each may import.
BESIDE = {
    "alphaforge_data": set[str](),
    "replay": set[str](),
    "infra": {"warehouse"},
    "dags": {"dlt_pipelines.venues", "dlt_pipelines.core", "warehouse.snapshot_ids"},
}
# What the layers may import from these packages.
ALSO = {
    "mdw.demo": {"replay"},
    "mdw.acceptance": {"replay", "infra", "alphaforge_data"},
    "mdw.backtest": {"alphaforge_data"},
    "mdw.quality": {"alphaforge_data"},
}
OURS = {"mdw", "dlt_pipelines", "warehouse", "alphaforge_data", "replay", "infra", "dags", "tests", "benchmarks"}
PLACES = {name: height for height, names in enumerate(LAYERS) for name in names}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("mdw", "dlt_pipelines", "warehouse", *BESIDE):
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def place(name: str) -> str | None:
    """The layer's folder that holds a module or symbol."""
    return max((one for one in PLACES if name == one or name.startswith(one + ".")), key=len, default=None)


def problem(module: str, imported: str) -> str | None:
    """Why a module must not import that; None if it may."""
    package, target = module.split(".")[0], imported.split(".")[0]
    if target not in OURS or (target == package and package in BESIDE):
        return None
    if package in BESIDE:
        allowed = any(imported == one or imported.startswith(one + ".") for one in BESIDE[package])
        return None if allowed else f"{package} may import {sorted(BESIDE[package]) or 'nothing of ours'}"
    # `python -m` of a package is above everything.
    own = "mdw.__main__" if module.endswith(".__main__") else place(module)
    if own is None:
        return "it belongs to no layer: add it to LAYERS" if module not in ("mdw", "dlt_pipelines") else None
    if target in BESIDE:
        return (
            None if target in ALSO.get(own, ()) else f"{own} may import {sorted(ALSO.get(own, ())) or 'none of them'}"
        )
    found = place(imported)
    if found is None:
        return f"{imported} belongs to no layer"
    if found != own and PLACES[found] <= PLACES[own]:
        return f"{found} is not below {own}"
    return None


def test_imports_go_down_only():
    found = [
        f"{path.relative_to(PROJECT)}:{line} imports {imported}: {why}"
        for module, path in modules()
        for line, imported in imports(path)
        if (why := problem(module, imported)) is not None
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("dlt_pipelines.core.series", "dlt_pipelines.planning.plan.Plan"),
        ("dlt_pipelines.rest.run", "mdw.console.output.out"),
        ("mdw.publishing.dbt", "mdw.reports.catalog.write"),
        ("warehouse.client", "dlt_pipelines.core.series.Series"),
        ("alphaforge_data.client", "warehouse.errors.BadInput"),
        ("dlt_pipelines.archive.run", "dlt_pipelines.rest.paging.pages_of"),
        ("mdw.quality.findings", "replay.clock.Clock"),
    ],
)
def test_an_import_that_goes_up_or_sideways_is_found(module: str, imported: str):
    assert problem(module, imported)


# The default of a backtest, which an option can change.
NAMED_FOR_PEOPLE = {"mdw/backtest/parameters.py", "mdw/cli/backtest.py"}


def test_no_venue_is_named_outside_its_package():
    found = []
    for module, path in modules():
        name = path.relative_to(PROJECT).as_posix()
        if name.startswith("dlt_pipelines/venues/") or module.split(".")[0] in ("replay", "infra", "alphaforge_data"):
            continue
        tree = ast.parse(path.read_text())
        constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        named = {*VENUES} & {value for value in constants if isinstance(value, str)}
        imported = {one for _, one in imports(path) if re.match(r"dlt_pipelines\.venues\.[a-z_]+\.", one)}
        if named - {"binance"} or (named and name not in NAMED_FOR_PEOPLE) or imported:
            found.append(f"{name}: {named or imported}")
    assert not found, "\n".join(found)
