"""HTTP without ccxt, for venues that ccxt does not support; the same interface as ccxt_client.CcxtClient."""

import asyncio
from collections.abc import Mapping

import aiohttp

from dlt_pipelines.core.endpoint import SHARE_OF_LIMIT, Budget, Endpoint
from dlt_pipelines.core.errors import ConnectionFailed
from dlt_pipelines.http.ccxt_client import Gate
from dlt_pipelines.http.response import Response
from dlt_pipelines.http.response_body import ACCEPTED, limit_of, read_body
from warehouse import open_files


class PlainClient:
    """One address, one request at a time, at the rate of the budget."""

    def __init__(self, address: str, budget: Budget, pace: float | None) -> None:
        self._address = address
        self._gap = 0.0 if pace is None else 1 / (budget.per_second * pace * SHARE_OF_LIMIT)
        self._turn = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def get(self, endpoint: Endpoint, params: Mapping[str, str], gate: Gate) -> Response:
        """One request; `gate` is awaited when its turn has come.

        Raises ConnectionFailed where no answer came, and what `bodies.read_body` raises.
        """
        address, limit = self._address + endpoint.path, limit_of(endpoint)
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, headers=ACCEPTED)
        async with self._turn:
            await gate()
            try:
                async with self._session.get(
                    address, params=params, allow_redirects=False, timeout=limit.timeout
                ) as response:
                    text = (await read_body(response, address, limit)).decode(errors="replace")
                    headers = {name.lower(): value for name, value in response.headers.items()}
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if open_files.ran_out(error):
                    raise open_files.too_low(f"{address} could not be requested") from None
                text = str(error) or type(error).__name__
                raise ConnectionFailed(f"{address}: {text}") from None
            await asyncio.sleep(self._gap)
        return Response(response.status, headers, text)

    def slow_down(self) -> None:
        """Nothing to do: at one call a day, waiting for Retry-After is enough."""

    def recover(self) -> None:
        """Nothing to do."""

    def share(self, runs: int) -> None:
        """Nothing to do: one call a day is far below the limit, however many runs there are."""

    async def close(self) -> None:
        """Release the connections."""
        if self._session is not None:
            await self._session.close()
