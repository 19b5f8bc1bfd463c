"""A catalog and its tables at one target."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.types import IntegerType, LongType, NestedField
from pyiceberg.utils.config import Config

from warehouse.errors import BadInput, OperationFailed
from warehouse.iceberg.target import Target, region
from warehouse.settings import Settings

CATALOGS = ("sql", "glue", "rest")
# PyIceberg's own configuration of this name applies: PYICEBERG_CATALOG__MDW__URI and so on.
NAME = "mdw"
_FILE = "catalog.sqlite"
_PROPERTIES = {
    # Small enough for a reader of one instrument to skip the others.
    "write.parquet.row-group-limit": "65536",
    "write.metadata.previous-versions-max": "100",
}


@dataclass
class Lake:
    """Tables of one namespace under one target. `file`: the SQL catalog's file, None for other catalogs."""

    target: Target
    kind: str
    namespace: str
    catalog: Catalog
    file: Path | None

    def table(self, name: str) -> Table | None:
        """The table, or None."""
        try:
            return self.catalog.load_table((self.namespace, name))
        except NoSuchTableError:
            return None

    def ensure(
        self,
        name: str,
        schema: Schema,
        spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        order: SortOrder = UNSORTED_SORT_ORDER,
    ) -> Table:
        """The table, created if it does not exist; an existing one gets missing optional columns and wider types.

        Raises OperationFailed if a table with other columns or another location exists.
        """
        table = self.table(name)
        if table is None:
            self.catalog.create_namespace_if_not_exists(self.namespace)
            table = self.catalog.create_table(
                (self.namespace, name), schema, self.target.location(name), spec, order, _PROPERTIES
            )
            self.saved()
        if table.location().rstrip("/") != self.target.location(name):
            raise BadInput(
                f"The {self.kind} catalog has {self.namespace}.{name} at {table.location()}, not below "
                f"{self.target.address}. Use that address, or another --namespace."
            )
        return self._grown(name, table, schema)

    def _grown(self, name: str, table: Table, schema: Schema) -> Table:
        there = {field.name: field for field in table.schema().fields}
        wanted = {field.name: field for field in schema.fields}
        added = [field for column, field in wanted.items() if column not in there]
        changed = [
            field
            for column, field in wanted.items()
            if column in there
            and (field.field_type, field.required) != (there[column].field_type, there[column].required)
        ]
        if (
            there.keys() - wanted.keys()
            or any(field.required for field in added)
            or not all(_widens(there[field.name], field) for field in changed)
        ):
            raise OperationFailed(
                f"The Iceberg table {name} at {self.target.address} has other columns than this warehouse: exports mix "
                "only where later ones add optional columns, or change int to long or required to optional. "
                "Export to a new address."
            )
        if added or changed:
            with table.update_schema() as update:
                for field in added:
                    update.add_column(field.name, field.field_type, field.doc)
                for field in changed:
                    update.update_column(field.name, field.field_type, required=field.required)
            self.saved()
        return table

    def saved(self) -> None:
        """To be called after each commit: stores a catalog file back in its bucket."""
        if self.file is not None and self.target.on_s3:
            self.target.store(_FILE, self.file, self.catalog.properties)


def _widens(there: NestedField, wanted: NestedField) -> bool:
    """Whether Iceberg reads rows of the old column as rows of the new one: a promotion of its type, or NULL allowed."""
    promoted = (there.field_type, wanted.field_type) == (IntegerType(), LongType())
    return (promoted or there.field_type == wanted.field_type) and (there.required or not wanted.required)


def properties() -> dict[str, Any]:
    """PyIceberg's configuration of our catalog."""
    return dict(Config().get_catalog_config(NAME) or {})


@contextmanager
def opened(settings: Settings, target: Target, kind: str, namespace: str, write: bool) -> Iterator[Lake]:
    """Open the lake at a target.

    The SQL catalog is a SQLite file next to the tables (in a bucket: fetched, and stored after each commit), unless
    PyIceberg's configuration names another database. Raises BadInput or OperationFailed if target or catalog cannot
    be used.
    """
    if kind not in CATALOGS:
        raise BadInput(f"--catalog is {kind!r}; it must be one of {', '.join(CATALOGS)}.")
    known = properties()
    (target.check_writable if write else target.check_readable)(known)
    given: dict[str, str | None] = {"type": kind}
    if target.on_s3:
        given |= _arrow_s3(target, known)
    file = _catalog_file(settings, target, known, write) if kind == "sql" and not known.get("uri") else None
    if file is not None:
        given["uri"] = f"sqlite:///{file}"
    try:
        catalog = load_catalog(NAME, **given)
        catalog.list_namespaces()
    except Exception as error:
        raise OperationFailed(
            f"The {kind} catalog cannot be opened ({_first_line(error)}). Its settings are PyIceberg's own: "
            f"PYICEBERG_CATALOG__{NAME.upper()}__URI and so on, or .pyiceberg.yaml (docs/iceberg.md)."
        ) from None
    lake = Lake(target, kind, namespace, catalog, file)
    try:
        yield lake
    except CommitFailedException as error:
        raise OperationFailed(
            f"Another writer changed the tables at {target.address} meanwhile ({_first_line(error)}). Run the "
            "command again."
        ) from error
    except DatabaseError as error:
        raise OperationFailed(
            f"ClickHouse refused: {_first_line(error)}. Is the schema up to date (`mdw migrate`)?"
        ) from error
    except OSError as error:
        raise OperationFailed(
            f"{target.address} failed: {_first_line(error)}. Run the command again to continue."
        ) from error
    finally:
        catalog.close()


def _arrow_s3(target: Target, known: dict[str, Any]) -> dict[str, str]:
    """Options that Arrow's S3 client does not detect: the region, and an endpoint other than Amazon's."""
    found: dict[str, str] = {}
    if not known.get("s3.region") and (there := region(target, known)):
        found["s3.region"] = there
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not known.get("s3.endpoint") and endpoint:
        found["s3.endpoint"] = endpoint
    return found


def _catalog_file(settings: Settings, target: Target, known: dict[str, Any], write: bool) -> Path:
    if not target.on_s3:
        file = Path(target.path) / _FILE
        if not write and not file.exists():
            raise BadInput(f"{target.path} has no export: {_FILE} is missing. Give the --to of an export.")
        return file
    file = settings.home / "iceberg" / f"{target.slug}.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not target.fetch(_FILE, file, known):
        if not write:
            raise BadInput(f"{target.address} has no export: {_FILE} is missing. Give the --to of an export.")
        file.unlink(missing_ok=True)
    return file


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
