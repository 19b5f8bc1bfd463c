"""A table exported by an earlier revision, with the columns of a later one."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import DoubleType, IcebergType, IntegerType, LongType, NestedField, StringType

from warehouse.errors import OperationFailed
from warehouse.iceberg.lake import Lake, opened
from warehouse.iceberg.target import Target
from warehouse.settings import Settings


def schema(*columns: tuple[str, IcebergType, bool]) -> Schema:
    return Schema(*(NestedField(n, name, kind, required=must) for n, (name, kind, must) in enumerate(columns, 1)))


def exported(lake: Lake) -> None:
    """A row of an earlier revision, whose views had unsigned and non-nullable integers."""
    table = lake.ensure("funding", schema(("rate", DoubleType(), True), ("hours", IntegerType(), True)))
    fields = [pa.field("rate", pa.float64(), nullable=False), pa.field("hours", pa.int32(), nullable=False)]
    table.append(pa.table({"rate": [0.5], "hours": [8]}, schema=pa.schema(fields)))


def test_later_exports_add_optional_columns_widen_integers_and_allow_null(tmp_path: Path) -> None:
    settings, target = Settings(home=tmp_path / "mdw", clickhouse_url=None), Target.parse(str(tmp_path / "lake"))
    with opened(settings, target, "sql", "market_data", write=True) as lake:
        exported(lake)
        later = schema(("rate", DoubleType(), True), ("hours", LongType(), False), ("mark", DoubleType(), False))
        table = lake.ensure("funding", later)
        rows = pa.table({"rate": [0.25], "hours": [None], "mark": [1.0]}, schema=table.schema().as_arrow())
        table.append(rows)
        assert lake.ensure("funding", later).metadata_location == table.metadata_location
    with opened(settings, target, "sql", "market_data", write=False) as lake:
        kept = lake.table("funding")
        assert kept is not None
        assert sorted(kept.scan().to_arrow().to_pylist(), key=lambda row: -row["rate"]) == [
            {"rate": 0.5, "hours": 8, "mark": None},
            {"rate": 0.25, "hours": None, "mark": 1.0},
        ]


@pytest.mark.parametrize(
    "columns",
    [
        [("rate", DoubleType(), True)],
        [("rate", DoubleType(), True), ("hours", StringType(), True)],
        [("rate", DoubleType(), True), ("hours", IntegerType(), True), ("mark", DoubleType(), True)],
        [("rate", IntegerType(), True), ("hours", IntegerType(), True)],
    ],
)
def test_any_other_change_needs_a_new_address(tmp_path: Path, columns: list[tuple[str, IcebergType, bool]]) -> None:
    settings, target = Settings(home=tmp_path / "mdw", clickhouse_url=None), Target.parse(str(tmp_path / "lake"))
    with opened(settings, target, "sql", "market_data", write=True) as lake:
        exported(lake)
        with pytest.raises(OperationFailed, match="Export to a new address"):
            lake.ensure("funding", schema(*columns))
