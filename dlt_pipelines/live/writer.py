"""Inserts rows into ClickHouse over HTTP: spooled first, at most one insert per second and table."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from dlt_pipelines.live.rows import Row, Stored
from dlt_pipelines.live.spool import Batch, Spool
from warehouse.connection import Connection

log = logging.getLogger(__name__)

FLUSH_SECONDS, QUIET_SECONDS = 0.2, 0.05
"""Rows are spooled when none has come for QUIET_SECONDS, and at the latest FLUSH_SECONDS after the first: the bars of a
minute come within milliseconds of each other, and a table takes one insert per second."""
INSERT_SECONDS = 1.0
QUEUE_ROWS = 10_000
_LONGEST_WAIT = 5.0
_DISK_SECONDS = 1.0
# Errors that the same rows will always meet. A missing table or column is none: a migration may still come.
_HOPELESS = ("CANNOT_PARSE", "INCORRECT_DATA", "TYPE_MISMATCH")


class Writer:
    """Accepts rows at any time without waiting; passes what ClickHouse has acknowledged to `on_stored`."""

    def __init__(
        self,
        connection: Connection,
        spool: Spool,
        session: aiohttp.ClientSession,
        *,
        on_stored: Callable[[Stored], None],
        on_dropped: Callable[[Batch, str], None],
        ca_file: Path | None = None,
    ) -> None:
        scheme = "https" if connection.secure else "http"
        self._url = f"{scheme}://{connection.host}:{connection.http_port}/"
        self._headers = {"X-ClickHouse-User": connection.user, "X-ClickHouse-Key": connection.password}
        self._ssl = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._spool, self._session = spool, session
        self._on_stored, self._on_dropped = on_stored, on_dropped
        self._waiting: dict[tuple[str, str, bool], list[Row]] = defaultdict(list)
        self._rows = 0
        self._put_at = 0.0
        self._no_room: dict[tuple[str, str, bool], list[Row]] = defaultdict(list)
        self._disk_fails = False
        self._something = asyncio.Event()
        self._disk = asyncio.Lock()
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self.inserts = 0
        self.failing_since: float | None = None

    @property
    def queued(self) -> int:
        """Rows that are not on disk yet."""
        return self._rows

    def put(self, row: Row) -> None:
        """Take a row. Where the queue is full, quotes are refused first, then bars; the next flush tells how many."""
        key = row.table, row.venue, row.quotes
        is_market_data = row.table.startswith("raw.")
        if is_market_data and self._rows >= (QUEUE_ROWS if row.quotes else 2 * QUEUE_ROWS):
            # Only what says which bars are due again is kept of it.
            self._no_room[key].append(replace(row, line=b""))
            return
        self._waiting[key].append(row)
        self._rows += 1
        self._put_at = time.monotonic()
        self._something.set()

    async def run(self) -> None:
        """Spool rows until cancelled."""
        for table in {batch.table for batch in self._spool.batches}:
            self._send(table)
        try:
            while True:
                await self._something.wait()
                await self._until_quiet()
                await self._flush()
        finally:
            for task in self._senders.values():
                task.cancel()

    async def _until_quiet(self) -> None:
        latest = time.monotonic() + FLUSH_SECONDS
        await asyncio.sleep(QUIET_SECONDS)
        while (wait := min(self._put_at + QUIET_SECONDS, latest) - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def drain(self, seconds: float) -> bool:
        """Spool everything and wait for ClickHouse, with a timeout; returns whether nothing is left."""
        await self._flush()
        deadline = time.monotonic() + seconds
        while self._spool.batches and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return not self._spool.batches

    async def _flush(self) -> None:
        self._something.clear()
        waiting, self._waiting, self._rows = self._waiting, defaultdict(list), 0
        no_room, self._no_room = self._no_room, defaultdict(list)
        for (table, venue, quotes), rows in no_room.items():
            stored = tuple(row.stored for row in rows if row.stored is not None)
            self._on_dropped(Batch(Path(), table, venue, quotes, 0, len(rows), stored), "queue")
        # Bars first, and each table is sent as soon as its rows are on disk.
        for key in sorted(waiting, key=_is_not_of_bars):
            async with self._disk:
                try:
                    await asyncio.to_thread(self._spool.write, waiting[key])
                except OSError as error:
                    self._keep(key, waiting[key], error)
                else:
                    self._disk_fails = False
            self._send(key[0])
        async with self._disk:
            for venue in {venue for _, venue, _ in waiting}:
                for batch in _joined(self._spool.shed(venue)):
                    self._on_dropped(batch, "spool")

    def _keep(self, key: tuple[str, str, bool], rows: list[Row], error: OSError) -> None:
        """The disk takes nothing (full, read-only): rows wait in memory, as many as the queue holds."""
        if not self._disk_fails:
            self._disk_fails = True
            log.error("The spool cannot be written (%s): rows wait in memory until it can.", error)
        self._waiting[key] = rows + self._waiting[key]
        self._rows += len(rows)
        asyncio.get_running_loop().call_later(_DISK_SECONDS, self._something.set)

    def _send(self, table: str) -> None:
        wake = self._wake.setdefault(table, asyncio.Event())
        wake.set()
        if table not in self._senders:
            self._senders[table] = asyncio.create_task(self._sender(table, wake))

    async def _sender(self, table: str, wake: asyncio.Event) -> None:
        wait = INSERT_SECONDS
        while True:
            await wake.wait()
            wake.clear()
            while True:
                async with self._disk:
                    batches = self._spool.take(table)
                if not batches:
                    break
                began = time.monotonic()
                wait = INSERT_SECONDS if await self._insert(table, batches) else min(wait * 2, _LONGEST_WAIT)
                await asyncio.sleep(max(0.0, began + wait - time.monotonic()))

    async def _insert(self, table: str, batches: list[Batch]) -> bool:
        try:
            body = b"".join([await asyncio.to_thread(batch.path.read_bytes) for batch in batches])
            refusal = await self._post(table, body)
        except FileNotFoundError:
            # Shed meanwhile, or removed by somebody.
            for batch in [one for one in batches if one in self._spool.batches and not one.path.exists()]:
                self._spool.done([batch])
                self._on_dropped(batch, "file_gone")
            return True
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._fail(f"{type(error).__name__}: {error}")
            return False
        hopeless = any(mark in refusal for mark in _HOPELESS)
        if hopeless and len(batches) > 1:
            # One bad row costs its own batch.
            return all([await self._insert(table, [batch]) for batch in batches])
        if hopeless:
            log.error("ClickHouse can never take these rows of %s: %s", table, refusal)
            for batch in batches:
                self._on_dropped(batch, "refused")
        elif refusal:
            self._fail(refusal)
            return False
        self.failing_since = None
        self.inserts += 1
        async with self._disk:
            self._spool.done(batches)
        if not refusal:
            for batch in batches:
                for stored in batch.stored:
                    self._on_stored(stored)
        return True

    def _fail(self, why: str) -> None:
        if self.failing_since is None:
            self.failing_since = time.monotonic()
            log.warning("ClickHouse does not accept rows (%s): they are kept on disk and sent again.", why[:300])

    async def _post(self, table: str, body: bytes) -> str:
        """Insert; returns the error message, or an empty string if accepted."""
        database, _, name = table.partition(".")
        query = f"INSERT INTO {database}.`{name}` FORMAT JSONEachRow"
        timeout = aiohttp.ClientTimeout(total=30, connect=5)
        async with self._session.post(
            self._url, params={"query": query}, data=body, headers=self._headers, ssl=self._ssl, timeout=timeout
        ) as answer:
            text = await answer.text(errors="replace")
            return "" if answer.status == 200 else f"HTTP {answer.status} {' '.join(text.split())[:500]}"

    async def query(self, sql: str, **parameters: str) -> list[list[str]]:
        """Rows of a query as text, with parameters for its `{name:Type}`; empty if ClickHouse does not respond."""
        timeout = aiohttp.ClientTimeout(total=10, connect=3)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.post(
                self._url,
                params={f"param_{name}": value for name, value in parameters.items()},
                data=f"{sql} FORMAT TSV".encode(),
                headers=self._headers,
                ssl=self._ssl,
                timeout=timeout,
            ) as answer:
                text = await answer.text()
                if answer.status == 200:
                    return [line.split("\t") for line in text.splitlines()]
                log.warning("ClickHouse does not respond to a query of the reader: %s", " ".join(text.split())[:300])
        return []


def _is_not_of_bars(key: tuple[str, str, bool]) -> bool:
    table, _, quotes = key
    return quotes or not table.startswith("raw.")


def _joined(batches: Sequence[Batch]) -> list[Batch]:
    """One batch a table and kind, to be told in one event."""
    found: dict[tuple[str, bool], Batch] = {}
    for one in batches:
        before = found.get((one.table, one.quotes))
        found[one.table, one.quotes] = (
            one
            if before is None
            else replace(
                before, size=before.size + one.size, rows=before.rows + one.rows, stored=before.stored + one.stored
            )
        )
    return list(found.values())
