"""Runs one query with bound values and streams the result as Arrow."""

import http.client
import io
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
import pyarrow as pa
import urllib3
from clickhouse_connect.driver.client import Client as Driver
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from alphaforge_data.address import Address
from alphaforge_data.errors import NotReachable, QueryFailed

# A server that fails after its first block has already sent status 200: only this end mark proves completeness.
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
# Without a handler, the driver's warnings, which we raise as errors anyway, would go to stderr.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
_BAD_LOGIN = (193, 194, 516)
_MISSING = (60, 81)
_CHUNK = 1 << 16
_LARGEST = 1 << 28
# Long enough for the reason of a failure.
_TAIL = 4096
_SETTINGS = {"output_format_arrow_low_cardinality_as_dictionary": 1}


class Transport:
    """A connection to a server that returns Arrow. Safe to share between threads."""

    def __init__(self, address: Address):
        self.address = address
        self._settings: dict[str, Any] = dict(_SETTINGS)
        if address.is_loopback:
            self._settings["output_format_arrow_compression_method"] = "none"
        self._driver = self._connect()

    def read(self, query: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The complete result of the query. Raises NotReachable or QueryFailed."""
        with self.stream(query, parameters) as reader:
            return reader.read_all()

    @contextmanager
    def stream(self, query: str, parameters: Mapping[str, Any]) -> Iterator["Batches"]:
        """The result batch by batch. Only a stream that is read to its end is checked for completeness."""
        try:
            # raw_stream, because with raw_query the server finishes before it sends the first byte.
            response: Any = self._driver.raw_stream(
                query, parameters=dict(parameters), fmt="ArrowStream", settings=dict(self._settings)
            )
        except ClickHouseError as error:
            raise self._readable_error(error) from None
        body = _Checked(response)
        try:
            yield Batches(body)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, pa.ArrowInvalid, OSError) as error:
            raise body.aborted(str(error)) from None
        finally:
            response.close()

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def _connect(self) -> Driver:
        address = self.address
        try:
            return clickhouse_connect.get_client(
                host=address.host,
                port=address.port,
                username=address.user,
                password=address.password,
                secure=address.secure,
                # For a server with a private CA; unset: the public CAs.
                ca_cert=os.environ.get("MDW_CA_FILE") or None,
                # The driver decompresses in Python; Arrow's own compression, used over a network, decompresses in C++.
                compress=False,
                client_name="alphaforge_data",
                # With a session, queries of two threads would conflict.
                autogenerate_session_id=False,
            )
        except ClickHouseError as error:
            raise self._readable_error(error) from None

    def _readable_error(self, error: ClickHouseError) -> NotReachable | QueryFailed:
        code = getattr(error, "code", None)
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        reason = reason.partition("server response: ")[2] or reason
        if code in _BAD_LOGIN:
            return NotReachable(
                f"{self.address} refuses user {self.address.user!r}: wrong user or password. Check the URL's."
            )
        if code is None or not isinstance(error, DatabaseError):
            shown = _network_reason(error) or reason[:200]
            return NotReachable(
                f"No warehouse answers at {self.address} ({shown}). Start it with `mdw up`, or check the "
                "address and the network."
            )
        hint = (
            " The view does not exist yet, or the views are older than this client: `mdw build` creates them."
            if code in _MISSING
            else ""
        )
        return QueryFailed(f"{self.address} rejected the query: {reason[:400]}{hint}", code)


class Batches:
    """Record batches of one result."""

    def __init__(self, body: "_Checked"):
        self._body = body
        self._reader: pa.RecordBatchStreamReader | None = None

    @property
    def schema(self) -> pa.Schema:
        """The schema of the result; waits for the first bytes."""
        return self._opened().schema

    def wait(self) -> None:
        """Wait for the first bytes."""
        self._opened()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._opened()
        self._body.require_end()

    def read_all(self) -> pa.Table:
        """Everything as one table."""
        table = self._opened().read_all()
        self._body.require_end()
        return table

    def _opened(self) -> pa.RecordBatchStreamReader:
        if self._reader is None:
            self._reader = pa.ipc.open_stream(pa.PythonFile(self._body, mode="r"))
        return self._reader


class _Checked(io.RawIOBase):
    """The body of a response; remembers its last bytes."""

    def __init__(self, response: Any):
        self._response = response
        # Below urllib3, which would copy every byte twice more. With an encoding, which we do not ask for, through it.
        body = getattr(response, "_fp", None)
        is_plain = isinstance(body, http.client.HTTPResponse) and not response.headers.get("content-encoding")
        self._body: Any = body if is_plain else response
        self._tail = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        """As many bytes, fewer only at the end: a buffer that Arrow takes over without a copy."""
        if size is None or not 0 <= size <= _LARGEST:
            # The text of an error, taken for the length of a message, must not reserve gigabytes.
            return b"".join(self._pieces(1 << 62 if size is None or size < 0 else size))
        buffer = pa.allocate_buffer(size)
        view, count = memoryview(buffer).cast("B"), 0
        while count < size:
            try:
                found = self._body.readinto(view[count:])
            except http.client.IncompleteRead as error:
                # A server that fails sends its reason, and then no end mark.
                self._remember(memoryview(error.partial))
                raise
            if not found:
                break
            count += found
        self._remember(view[:count])
        return buffer if count == size else buffer.slice(0, count)

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size and (piece := bytes(self.read(min(size, _CHUNK)))):
            yield piece
            size -= len(piece)

    def require_end(self) -> None:
        """Raise QueryFailed unless the last bytes are the end mark of an Arrow stream."""
        while len(self.read(_CHUNK)):
            pass
        if not self._tail.endswith(_END_OF_STREAM):
            raise self.aborted("no reason given")
        # Read to its end, the connection serves the next query.
        self._response.release_conn()

    def aborted(self, reason: str) -> QueryFailed:
        """The error for a truncated result, with the server's message if it sent one."""
        parts = self._tail.decode(errors="replace").partition("Code: ")
        return QueryFailed(f"The server aborted its response: {(parts[1] + parts[2]).strip()[:400] or reason[:200]}")

    def _remember(self, data: memoryview) -> None:
        self._tail = (self._tail + bytes(data[-_TAIL:]))[-_TAIL:]


def _network_reason(error: BaseException) -> str:
    """What the operating system said, such as `Connection refused`; the driver wraps it in its own text."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return ""
