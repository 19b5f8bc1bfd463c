"""The published datasets and their marts; the single source is `vars: datasets:` of dbt_project/dbt_project.yml."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from clickhouse_connect.driver.client import Client

from warehouse.project import PROJECT

# valid_to_version of a row that no later version replaced: the largest UInt32 (dbt_project/macros/versions).
OPEN_VERSION = 4_294_967_295
VERSIONS = ("valid_from_version", "valid_to_version")


@dataclass(frozen=True)
class Dataset:
    """`instrument` and `timeframe` are SQL expressions of text; `key` identifies a row inside one snapshot."""

    name: str
    mart: str
    key: tuple[str, ...]
    time: str
    instrument: str = "toString(instrument_id)"
    timeframe: str = "''"

    @property
    def month(self) -> str:
        """SQL: first day of a row's month."""
        return f"toStartOfMonth(toDate({self.time}))"

    @property
    def group(self) -> str:
        """SQL: the part of the manifest to which a row belongs."""
        return f"{self.instrument}, {self.timeframe}, {self.month}"


def load(project: Path) -> tuple[Dataset, ...]:
    """The datasets of a dbt project, by name."""
    listed = yaml.safe_load((project / "dbt_project.yml").read_text())["vars"]["datasets"]
    return tuple(
        Dataset(
            name,
            entry["mart"],
            tuple(entry["key"]),
            entry["time"],
            f"toString({entry['instrument']})",
            f"toString({entry['timeframe']})",
        )
        for name, entry in sorted(listed.items())
    )


DATASETS = load(PROJECT / "dbt_project")
BY_NAME = {dataset.name: dataset for dataset in DATASETS}


def columns(client: Client, dataset: Dataset) -> list[tuple[str, str]]:
    """(name, type) of all columns of the mart except the versions, in order."""
    rows = client.query(
        "select name, type from system.columns where database = 'marts' and table = {mart:String} "
        "and default_kind != 'MATERIALIZED' and name not in {versions:Array(String)} order by position",
        parameters={"mart": dataset.mart, "versions": list(VERSIONS)},
    ).result_rows
    return [(str(name), str(kind)) for name, kind in rows]


def shown_at(version: int) -> str:
    """SQL: the row is part of the data version."""
    return f"valid_from_version <= {version:d} and valid_to_version > {version:d}"
