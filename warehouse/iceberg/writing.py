"""Commits to one Iceberg table: replaces the files of changed partitions and sets the tag atomically."""

import itertools
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow, write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import Table, WriteTask
from pyiceberg.table.update.snapshot import ManageSnapshots

from warehouse.iceberg.layout import Key

# One file is compressed while the rows of the next arrive. A second thread gained nothing on two cores and took a
# third more memory.
_AT_WORK = 1


@dataclass(frozen=True)
class CommitResult:
    """Result of a commit. `iceberg_snapshot_id` is the table's state after it."""

    iceberg_snapshot_id: int
    rows: int
    files: int


def write_files(table: Table, parts: Iterable[tuple[Key, pa.Table]]) -> list[DataFile]:
    """Write data files; nothing refers to them before `commit`. A crash leaves orphaned files, which are harmless."""
    write, numbers = uuid.uuid4(), itertools.count()
    waiting: deque[Future[list[DataFile]]] = deque()
    done: list[DataFile] = []
    with ThreadPoolExecutor(_AT_WORK) as pool:
        for key, rows in parts:
            waiting.append(pool.submit(_write, table, write, next(numbers), key, rows))
            if len(waiting) > _AT_WORK:
                done += waiting.popleft().result()
        for future in waiting:
            done += future.result()
    return done


def _write(table: Table, write: uuid.UUID, number: int, key: Key, rows: pa.Table) -> list[DataFile]:
    # PyIceberg's public writers split tables by partition; each of ours is a single partition already.
    spec, schema = table.spec(), table.schema()
    partition = None
    if spec.fields:
        values = [PartitionFieldValue(field, value) for field, value in zip(spec.fields, key, strict=True)]
        partition = PartitionKey(values, spec, schema)
    task = WriteTask(write, number, schema, rows.to_batches(), partition_key=partition)
    return list(write_file(table.io, table.metadata, iter([task])))


def commit(
    table: Table, replaced: set[Key] | None, files: list[DataFile], tag: str, properties: Mapping[str, str]
) -> CommitResult:
    """Replace the partitions (None: all) by the files and set the tag, in one commit.

    If nothing changed, only the tag is set on the current state.
    """
    current = table.current_snapshot()
    gone = [] if current is None else [f for f in data_files(table) if replaced is None or _key(f) in replaced]
    with table.transaction() as transaction:
        if gone or files or current is None:
            with transaction.update_snapshot(dict(properties)).overwrite() as producer:
                for file in gone:
                    producer.delete_data_file(file)
                for file in files:
                    producer.append_data_file(file)
        state = transaction.table_metadata.current_snapshot_id
        assert state is not None
        ManageSnapshots(transaction).create_tag(state, tag).commit()
    return CommitResult(state, sum(file.record_count for file in files), len(files))


def data_files(table: Table, snapshot_id: int | None = None) -> list[DataFile]:
    """The files of a state of the table."""
    return [task.file for task in table.scan(snapshot_id=snapshot_id).plan_files()]


def arrow_schema(table: Table) -> pa.Schema:
    """The table's schema for Arrow, without Iceberg's field ids."""
    found = schema_to_pyarrow(table.schema(), include_field_ids=False)
    # large_string would double the size of the offsets for nothing.
    return pa.schema(
        [pa.field(f.name, pa.string() if f.type == pa.large_string() else f.type, f.nullable) for f in found]
    )


def _key(file: DataFile) -> Key:
    return tuple(file.partition[index] for index in range(len(file.partition)))
