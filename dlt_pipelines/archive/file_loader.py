"""Loads files into `raw` without dlt: a file must land as a whole, so it is one block of one insert into one partition.

ClickHouse applies such an insert in full or not at all. dlt gives no such guarantee, and takes more than twice as long
for the same rows. Several files share an insert: that is cheaper, and leaves fewer and larger parts to merge
(docs/performance.md).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_exponential_jitter

from dlt_pipelines.archive.csv_check import check_csv
from dlt_pipelines.archive.download import Download
from dlt_pipelines.archive.row_binary import COLUMNS, Parts, to_rows
from dlt_pipelines.archive.unzip import unzip
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.insert_errors import INSERT_ATTEMPTS, InsertRefused, is_refusal
from dlt_pipelines.core.intervals import Windows
from warehouse import open_files
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings

log = logging.getLogger(__name__)

# All rows of the insert form one block.
_ONE_BLOCK = {"min_insert_block_size_rows": 0, "min_insert_block_size_bytes": 1 << 40}


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that passed all checks: its parts as rows, its size in lines and bytes of text, the times (ms) of
    conflicting rows, and the windows (ms) of its period that its rows do not prove."""

    file: ArchiveFile
    parts: Parts
    rows: int
    text_bytes: int
    conflicts: tuple[int, ...]
    missing: Windows


def open_client(settings: Settings) -> Client:
    """A client for inserts; like an insert, waits for a ClickHouse that restarts. Raises OperationFailed."""
    client: Client = _attempts("reaching ClickHouse")(connect, settings, "ingest")
    return client


def check(file: ArchiveFile, download: Download, server_time: int | None) -> CheckedFile:
    """Verify a download and convert it to rows; raises ArchiveFileError."""
    text = unzip(file.name, download.data, file.member)
    csv = check_csv(file, text)
    parts = to_rows(file, download, text, csv, server_time)
    conflicts = tuple(csv.conflict_times.tolist())
    return CheckedFile(file, parts, csv.rows, len(text), conflicts, parts.missing)


def insert(client: Client, table: str, files: Sequence[CheckedFile]) -> None:
    """Insert files of one table together; raises InsertRefused or OperationFailed.

    An insert whose outcome is unknown is repeated: its rows may then be in raw twice, with the same page_id.
    """
    pieces = [piece for file in files for piece in file.parts.pieces]
    _attempts(f"landing into {table}")(_insert_once, client, table, pieces)


def _attempts(what: str) -> Retrying:
    return Retrying(
        stop=stop_after_attempt(INSERT_ATTEMPTS),
        wait=wait_exponential_jitter(initial=0.5, max=15),
        retry=retry_if_not_exception_type(InsertRefused),
        reraise=True,
        before_sleep=lambda state: log.warning("Retrying %s: %s", what, state.outcome and state.outcome.exception()),
    )


def _insert_once(client: Client, table: str, rows: list[bytes | memoryview]) -> None:
    try:
        client.raw_insert(table, COLUMNS, rows, settings=_ONE_BLOCK, fmt="RowBinary")  # type: ignore[arg-type]
    except (ClickHouseError, OSError) as error:
        text = " ".join(str(error).split())
        if open_files.ran_out(error):
            raise InsertRefused(str(open_files.too_low(f"Archive files of {table} could not be landed"))) from None
        if is_refusal(text):
            raise InsertRefused(f"ClickHouse rejected the archive files of {table}: {text[:600]}") from None
        raise OperationFailed(f"ClickHouse did not accept the archive files of {table}: {text[:600]}") from None
