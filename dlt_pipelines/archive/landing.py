"""Files into `raw`, past dlt: a file must arrive as a whole, so it is one insert of one block into one partition.

ClickHouse takes such an insert in full or not at all. dlt promises no such thing, and needs more than twice as long for
the same rows (docs/performance.md).
"""

import logging
from dataclasses import dataclass

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_exponential_jitter

from dlt_pipelines.archive.files import ArchiveFile
from dlt_pipelines.archive.form import examine
from dlt_pipelines.archive.parts import Download, to_arrow
from dlt_pipelines.archive.unzip import unzip
from dlt_pipelines.landing import ATTEMPTS, LandingRefused, is_refusal
from warehouse.client import connect
from warehouse.errors import WorldError
from warehouse.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Landed:
    """What one file brought: parts, rows, bytes of text, and times that stand in rows which differ."""

    parts: int
    rows: int
    text_bytes: int
    conflicts: tuple[str, ...]


def open_client(settings: Settings) -> Client:
    """A client to land with; waits for a ClickHouse that restarts, as an insert does. Raises WorldError."""
    client: Client = _attempts("reaching ClickHouse")(connect, settings, "ingest")
    return client


def land_file(client: Client, file: ArchiveFile, download: Download, server_time: int | None) -> Landed:
    """Check a file and insert it; raises FileTrouble, LandingRefused or WorldError.

    An insert whose fate is unknown is sent again: its rows may then stand twice, with the same page_id.
    """
    text = unzip(file.name, download.data, file.member)
    form = examine(file, text)
    batch = to_arrow(file, download, text, form, server_time)
    _insert(client, f"raw.{file.series.venue}__{file.table}", batch)
    return Landed(batch.num_rows, form.rows, len(text), form.conflicts)


def _insert(client: Client, table: str, batch: pa.RecordBatch) -> None:
    _attempts(f"landing into {table}")(_insert_once, client, table, batch)


def _attempts(what: str) -> Retrying:
    return Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(initial=0.5, max=15),
        retry=retry_if_not_exception_type(LandingRefused),
        reraise=True,
        before_sleep=lambda state: log.warning("%s again: %s", what, state.outcome and state.outcome.exception()),
    )


def _insert_once(client: Client, table: str, rows: pa.RecordBatch) -> None:
    try:
        # Not insert_arrow: it packs with LZ4, which costs more here than the bytes on the wire.
        client.raw_insert(table, column_names=rows.schema.names, insert_block=_stream(rows), fmt="ArrowStream")
    except (ClickHouseError, OSError) as error:
        text = " ".join(str(error).split())
        if is_refusal(text):
            raise LandingRefused(f"ClickHouse refuses the archive files of {table}: {text[:600]}") from None
        raise WorldError(f"ClickHouse did not take the archive files of {table}: {text[:600]}") from None


def _stream(rows: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_batch(rows)
    return bytes(sink.getvalue().to_pybytes())
