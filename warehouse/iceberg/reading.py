"""Reads a pinned dataset from ClickHouse as Arrow tables of one partition each, with bounded memory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from warehouse.iceberg.columns import Column
from warehouse.iceberg.layout import Dataset, Key
from warehouse.snapshots import PublishedSnapshot
from warehouse.snapshots.layout import shown_at

# Maximum rows of one data file: about 18 MB of Parquet, 100 MB in memory, of which an export holds three.
CHUNK = 500_000


def partitions(
    client: Client,
    dataset: Dataset,
    snapshot: PublishedSnapshot,
    columns: list[Column],
    keys: Iterable[Key],
    schema: pa.Schema,
) -> Iterator[tuple[Key, pa.Table]]:
    """Tables of at most CHUNK rows of the requested partitions, in file order."""
    pin: dict[str, object] = {"id": snapshot.snapshot_id}
    if dataset.streamed:
        for key in sorted(keys):
            narrowed, parameters = _slice(dataset, key)
            sql = f"{_select(dataset, columns, snapshot)} where {narrowed} order by {', '.join(dataset.sort)}"
            for table in _chunks(client, sql, {**pin, **parameters}, schema):
                yield key, table
        return
    wanted = set(keys)
    if not wanted:
        return
    sql = f"{_select(dataset, columns, snapshot)} order by {', '.join(dataset.sort)}"
    whole = pa.concat_tables([schema.empty_table(), *_chunks(client, sql, pin, schema)])
    for key, table in _split(dataset, whole):
        if key in wanted:
            yield key, table


def _select(dataset: Dataset, columns: list[Column], snapshot: PublishedSnapshot) -> str:
    """All columns from the view; those that only the mart has are joined by the key."""
    shown = f"marts.{dataset.view}(snapshot_id = {{id:String}})"
    hidden = [column.name for column in columns if not column.shown]
    expressions = ", ".join(column.to_iceberg() for column in columns)
    if not hidden:
        return f"select {expressions} from {shown}"  # noqa: S608 - names of our own tables
    return (
        f"select {expressions} from {shown} as shown inner join (select {', '.join([*dataset.key, *hidden])} "  # noqa: S608
        f"from marts.{dataset.mart} final where {shown_at(snapshot.data_version)}) as kept "
        f"using ({', '.join(dataset.key)})"
    )


def _slice(dataset: Dataset, key: Key) -> tuple[str, dict[str, object]]:
    """Condition on the rows of one partition by (timeframe, month)."""
    timeframe, month = str(key[0]), int(key[1])
    start, end = (datetime(1970 + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in (month, month + 1))
    condition = (
        f"timeframe = {{timeframe:String}} and {dataset.time} >= {{start:DateTime64(3, 'UTC')}} "
        f"and {dataset.time} < {{end:DateTime64(3, 'UTC')}}"
    )
    return condition, {"timeframe": timeframe, "start": start, "end": end}


def _chunks(client: Client, sql: str, parameters: dict[str, object], schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    count = 0
    # Conditions must refer to the stored columns, not to the casts of the same name: only those prune partitions.
    settings = {"prefer_column_name_to_alias": 1}
    with client.query_arrow_stream(sql, parameters=parameters, settings=settings, use_strings=True) as stream:
        for batch in stream:
            table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
            held.append(table.select(schema.names).cast(schema))
            count += table.num_rows
            while count >= CHUNK:
                whole = pa.concat_tables(held)
                yield whole.slice(0, CHUNK)
                held, count = [whole.slice(CHUNK)], count - CHUNK
    if count:
        yield pa.concat_tables(held)


def _split(dataset: Dataset, whole: pa.Table) -> Iterator[tuple[Key, pa.Table]]:
    if not dataset.partitions:
        if whole.num_rows:
            yield (), whole
        return
    times = whole[dataset.time]
    months = pc.add(pc.multiply(pc.subtract(pc.year(times), 1970), 12), pc.subtract(pc.month(times), 1))
    by_key: dict[Key, list[int]] = defaultdict(list)
    for month in sorted(pc.unique(months).to_pylist()):
        first = datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).date()
        by_key[dataset.partition_key("", first)].append(month)
    for key, its_months in by_key.items():
        yield key, whole.filter(pc.is_in(months, pa.array(its_months, months.type)))
