"""One bound query to one Arrow table."""

import logging
import os
from collections.abc import Mapping
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client as Driver
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from alphaforge_data.address import Address
from alphaforge_data.errors import NotReachable, QueryFailed

# A server that fails after its first block has already said 200: only this end mark proves a whole answer.
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
# Without a handler the driver's warnings about what we explain ourselves would land on stderr.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
_BAD_LOGIN = (193, 194, 516)
_MISSING = (60, 81)


class Transport:
    """A server and how Arrow travels from it. Safe to share between threads."""

    def __init__(self, address: Address):
        self.address = address
        self._settings = {"output_format_arrow_compression_method": "none"} if address.is_loopback else {}
        self._driver = self._connect()

    def read(self, query: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The query's whole answer. Raises NotReachable or QueryFailed."""
        try:
            body = self._driver.raw_query(
                query, parameters=dict(parameters), fmt="ArrowStream", settings=dict(self._settings)
            )
        except ClickHouseError as error:
            raise self._explained(error) from None
        if not body.endswith(_END_OF_STREAM):
            said = body[-400:].decode(errors="replace").partition("Code: ")
            raise QueryFailed(f"The server broke off its answer: {(said[1] + said[2]).strip() or 'no reason given'}")
        return pa.ipc.open_stream(pa.py_buffer(body)).read_all()

    def close(self) -> None:
        """Give the connection back."""
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
                # A server with an authority of its own; unset: the public ones.
                ca_cert=os.environ.get("MDW_CA_FILE") or None,
                # The driver's compression unpacks in Python; Arrow's own, on a far network, unpacks in C++.
                compress=False,
                client_name="alphaforge_data",
                # A session would make two threads of one client collide.
                autogenerate_session_id=False,
            )
        except ClickHouseError as error:
            raise self._explained(error) from None

    def _explained(self, error: ClickHouseError) -> NotReachable | QueryFailed:
        code = getattr(error, "code", None)
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        reason = reason.partition("server response: ")[2] or reason
        if code in _BAD_LOGIN:
            return NotReachable(
                f"{self.address} refuses user {self.address.user!r}: wrong user or password. Check the URL's."
            )
        if code is None or not isinstance(error, DatabaseError):
            return NotReachable(
                f"No warehouse answers at {self.address} ({reason[:200]}). Start it with `mdw up`, or check the "
                "address and the network."
            )
        hint = " The views are not there yet: `mdw build` publishes the first snapshot." if code in _MISSING else ""
        return QueryFailed(f"{self.address} refuses the query: {reason[:400]}{hint}", code)
