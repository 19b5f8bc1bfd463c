"""The project keeps its own rules, and the unit tests of every venue's quirks pass on a fresh warehouse."""

import csv
from pathlib import Path

import pytest
import yaml

from tests.dbt.conftest import DBT_PROJECT, Dbt
from warehouse.settings import PROJECT

MODELS = sorted((DBT_PROJECT / "models").rglob("*.sql"))


def test_unit_tests_of_the_quirks_pass(dbt: Dbt) -> None:
    """As in a build, where the models that a unit test reads stand before it runs."""
    outcome = dbt.run("build", "--select", "+funding_rates", "path:models/staging", "--exclude-resource-type", "test")
    assert outcome.succeeded, outcome.text
    assert outcome.text.count("PASS") >= 21


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_column_is_described_in_the_yaml_beside_its_model(model: Path) -> None:
    described = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    assert [entry["name"] for entry in described] == [model.stem]
    assert described[0]["description"]
    assert all(column["description"] and column["data_type"] for column in described[0]["columns"])


def test_the_seed_holds_the_universe() -> None:
    universe = yaml.safe_load((PROJECT / "config" / "universe.yml").read_text())
    wanted = {
        (dataset, f"{venue}:{market}:{symbol}", timeframe)
        for dataset, timeframes in (("bars", universe["timeframes"]), ("funding", [""]))
        for venue, markets in universe[dataset].items()
        for market, symbols in markets.items()
        for symbol in symbols
        for timeframe in timeframes
    }
    with (DBT_PROJECT / "seeds" / "universe_series.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["dataset"], row["instrument_id"], row["timeframe"]) for row in rows} == wanted
    assert {row["history_start"] for row in rows} == {f"{universe['history']['start']:%Y-%m-%d %H:%M:%S}"}
