"""Columns of a dataset: their ClickHouse types, and the Iceberg and Arrow types that hold them without loss."""

import re
from dataclasses import dataclass

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from warehouse.errors import OperationFailed
from warehouse.iceberg.layout import Dataset
from warehouse.snapshots import layout

_WRAPPER = re.compile(r"^(LowCardinality|Nullable)\((.*)\)$")
_PINS = ("snapshot_id", "data_version")


@dataclass(frozen=True)
class Column:
    """One column. `stored`: the mart has it; `shown`: the view has it."""

    name: str
    type: str
    stored: bool
    shown: bool

    @property
    def nullable(self) -> bool:
        """Whether it may be NULL."""
        return "Nullable(" in self.type

    @property
    def plain(self) -> str:
        """The type without Nullable and LowCardinality."""
        found = self.type
        while match := _WRAPPER.match(found):
            found = match[2]
        return found

    @property
    def iceberg(self) -> IcebergType:
        """The Iceberg type: the next larger signed type for unsigned numbers, which Iceberg lacks (UInt64 as long)."""
        return _types(self.plain)[0]

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type for inserting it into ClickHouse."""
        return _types(self.plain)[1]

    def to_iceberg(self) -> str:
        """SQL expression of the value in its Iceberg type."""
        target = _types(self.plain)[2]
        return f"cast({self.name} as {f'Nullable({target})' if self.nullable else target}) as {self.name}"


def _types(plain: str) -> tuple[IcebergType, pa.DataType, str]:
    if plain.startswith("DateTime64("):
        precision = int(plain[len("DateTime64(")])
        unit = "ms" if precision <= 3 else "us"
        if precision <= 6:
            return TimestamptzType(), pa.timestamp(unit, "UTC"), "DateTime64(6, 'UTC')"
    known: dict[str, tuple[IcebergType, pa.DataType, str]] = {
        "String": (StringType(), pa.string(), "String"),
        "Float64": (DoubleType(), pa.float64(), "Float64"),
        "Bool": (BooleanType(), pa.bool_(), "Bool"),
        "Date": (DateType(), pa.date32(), "Date32"),
        "Int8": (IntegerType(), pa.int8(), "Int32"),
        "Int16": (IntegerType(), pa.int16(), "Int32"),
        "UInt8": (IntegerType(), pa.uint8(), "Int32"),
        "UInt16": (IntegerType(), pa.uint16(), "Int32"),
        "Int32": (IntegerType(), pa.int32(), "Int32"),
        "UInt32": (LongType(), pa.uint32(), "Int64"),
        "Int64": (LongType(), pa.int64(), "Int64"),
        "UInt64": (LongType(), pa.uint64(), "Int64"),
    }
    if plain not in known:
        raise OperationFailed(
            f"A column of type {plain} has no Iceberg type yet: add it to warehouse/iceberg/columns.py."
        )
    return known[plain]


def stored(client: Client, dataset: Dataset) -> list[Column]:
    """Columns of the mart, in the order of the row hash."""
    return [Column(name, kind, True, False) for name, kind in layout.columns(client, dataset)]


def columns(client: Client, dataset: Dataset, snapshot_id: str) -> list[Column]:
    """Exported columns: those of the mart, then those that only the view has. The pin is not a column."""
    shown = {
        row[0]: row[1]
        for row in client.query(
            f"describe table (select * from marts.{dataset.view}(snapshot_id = {{id:String}}))",  # noqa: S608 - our name
            parameters={"id": snapshot_id},
        ).result_rows
    }
    kept = [Column(c.name, c.type, True, c.name in shown) for c in stored(client, dataset)]
    names = {column.name for column in kept}
    derived = [Column(n, t, False, True) for n, t in shown.items() if n not in names and n not in _PINS]
    return kept + derived


def schema(found: list[Column]) -> Schema:
    """The Iceberg schema; columns that are not Nullable in ClickHouse are required."""
    return Schema(
        *(
            NestedField(number, column.name, column.iceberg, required=not column.nullable)
            for number, column in enumerate(found, start=1)
        )
    )
