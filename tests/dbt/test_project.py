"""The project follows its own rules, and the unit tests of the venues' quirks pass on a new warehouse."""

import csv
from collections import defaultdict

from dlt_pipelines.planning.universe import load
from mdw.publishing import universe
from tests.dbt.conftest import Dbt, parsed_project
from warehouse.project import PROJECT


def test_unit_tests_of_the_quirks_pass(dbt: Dbt) -> None:
    """As in a build, where the models that a unit test reads are built before it runs."""
    outcome = dbt.run("build", "--select", "+funding_rates", "+path:models/staging", "--exclude-resource-type", "test")
    assert outcome.succeeded, outcome.text
    assert outcome.text.count("PASS") >= 21


def test_every_column_is_described_and_once() -> None:
    """A description shared by two models is a doc block to which both refer."""
    models = [node for node in parsed_project().nodes.values() if str(node.resource_type) == "model"]
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for model in models:
        if model.config.materialized == "ephemeral":  # The query of an audit, described by its declaration.
            continue
        assert model.description
        assert model.columns
        assert model.patch_path is not None
        assert model.patch_path.removeprefix("market_data://models/").split("/")[0] == model.fqn[1]
        for column in model.columns.values():
            assert column.description, (model.name, column.name)
            assert column.data_type, (model.name, column.name)
            if not column.doc_blocks:
                owners[column.name, column.description].add(model.patch_path or "")
    assert {column: files for column, files in owners.items() if len(files) > 1} == {}


def test_the_seed_holds_the_universe() -> None:
    wanted = [list(universe.COLUMNS), *universe.variable(load(PROJECT / "config" / "universe.yml"))]
    with universe.SEED.open() as file:
        assert list(csv.reader(file)) == wanted
