"""How rows are hashed for a manifest: each snapshot records the function, and the columns with their types."""

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from warehouse.errors import OperationFailed
from warehouse.snapshots.layout import Dataset, columns

# All functions that manifests were ever hashed with. New ones are added, none is ever removed.
FUNCTIONS = ("sipHash128", "xxh3_128")


@dataclass(frozen=True)
class RowHash:
    """`columns`: by dataset the (name, type) that `function` covers, in order."""

    function: str
    columns: dict[str, list[tuple[str, str]]]

    def sql(self, client: Client, dataset: Dataset) -> str:
        """SQL: order-independent hash (UInt128) of a group of the mart's rows, whatever the mart's types are now.

        Raises OperationFailed if a column is gone or the function is unknown.
        """
        if self.function not in FUNCTIONS:
            raise OperationFailed(
                f"The snapshot's rows are hashed by {self.function!r}, which this code does not know ("
                f"{', '.join(FUNCTIONS)}): it is older than the data. Use the code that published it, or newer."
            )
        stored = dict(columns(client, dataset))
        covered = self.columns.get(dataset.name, [])
        if gone := [name for name, _ in covered if name not in stored]:
            raise OperationFailed(
                f"marts.{dataset.mart} has lost {', '.join(gone)}, which the snapshot was published with: its manifest "
                "cannot be recomputed. Columns of the marts are never dropped or renamed; restore the table."
            )
        values = [name if stored[name] == kind else f"cast({name} as {kind})" for name, kind in covered] or ["1"]
        return f"sum(reinterpretAsUInt128({self.function}(tuple({', '.join(values)}))))"


def of(client: Client, data_version: int) -> RowHash:
    """How the snapshot of a data version was hashed; raises OperationFailed if that is not recorded."""
    rows = client.query(
        "select row_hash, hashed_columns from marts.snapshots where data_version = {version:UInt32} limit 1",
        parameters={"version": data_version},
    ).result_rows
    if not rows or not rows[0][0]:
        raise OperationFailed(
            f"It is not recorded how data version {data_version} was hashed. Run `mdw migrate`, then try again."
        )
    function, by_dataset = rows[0]
    return RowHash(function, {dataset: [tuple(pair) for pair in pairs] for dataset, pairs in by_dataset.items()})
