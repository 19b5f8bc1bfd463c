"""The project keeps its own rules, and the unit tests of every venue's quirks pass on a fresh warehouse."""

import csv
from pathlib import Path

import pytest
import yaml

from dlt_pipelines.planning.universe import load
from mdw.publishing import universe
from tests.dbt.conftest import DBT_PROJECT, Dbt
from warehouse.settings import PROJECT

MODELS = sorted((DBT_PROJECT / "models").rglob("*.sql"))


def test_unit_tests_of_the_quirks_pass(dbt: Dbt) -> None:
    """As in a build, where the models that a unit test reads stand before it runs."""
    outcome = dbt.run("build", "--select", "+funding_rates", "+path:models/staging", "--exclude-resource-type", "test")
    assert outcome.succeeded, outcome.text
    assert outcome.text.count("PASS") >= 21


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_column_is_described_in_the_yaml_beside_its_model(model: Path) -> None:
    described = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    assert [entry["name"] for entry in described] == [model.stem]
    assert described[0]["description"]
    assert all(column["description"] and column["data_type"] for column in described[0]["columns"])


def test_the_seed_holds_the_universe() -> None:
    wanted = [list(universe.COLUMNS), *universe.variable(load(PROJECT / "config" / "universe.yml"))]
    with universe.SEED.open() as file:
        assert list(csv.reader(file)) == wanted
