"""HTTP through ccxt: its implicit raw endpoints, its rate limiter, one client per budget.

ccxt keeps only the last body of a client, which concurrent requests overwrite. Here each request has a slot of its own
in a context variable, and ccxt's hook for raw responses fills it with the text as sent, before ccxt strips, parses or
checks it.
"""

import importlib
import importlib.util
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import quote

import aiohttp

from dlt_pipelines.core.endpoint import SHARE_OF_LIMIT, Budget, Endpoint
from dlt_pipelines.core.errors import ConnectionFailed
from dlt_pipelines.http.rate_limiter import RateLimiter
from dlt_pipelines.http.response import Response
from dlt_pipelines.http.response_body import Limit, limit_of, read_body
from warehouse import open_files

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


Gate = Callable[[], Awaitable[None]]


async def _open() -> None:
    """A gate that is always open."""


@dataclass(slots=True)
class _Call:
    weight: float
    window: RateLimiter | None
    gate: Gate
    what: str
    limit: Limit
    replies: list[Response] = field(default_factory=list)


_CALL: ContextVar[_Call] = ContextVar("call")


class CcxtClient:
    """One venue's address under one budget."""

    def __init__(self, ccxt_id: str, budget: Budget, addresses: Mapping[str, str], pace: float | None) -> None:
        """`pace` multiplies the documented limit; None switches the limiter off (replayed venues only)."""
        self._exchange = _exchange_class(ccxt_id)(_options(budget, pace))
        self._exchange.urls["api"] = {**self._exchange.urls["api"], **addresses}
        self._window = None if pace is None else RateLimiter(budget, budget.weight * pace)
        self._most = budget.weight * (pace or 1.0)
        self._documented = self._full_rate = float(self._exchange.tokenBucket["refillRate"])

    async def get(self, endpoint: Endpoint, params: Mapping[str, str], gate: Gate = _open) -> Response:
        """Send one request; `gate` is awaited once the rate limiter has let it pass.

        Raises ConnectionFailed if there was no response, and whatever `response_body.read_body` raises.
        """
        from ccxt.base.errors import BaseError

        what = f"{self._exchange.id} {endpoint.path}"
        call = _Call(endpoint.weight, self._window, gate, what, limit_of(endpoint))
        token = _CALL.set(call)
        try:
            await getattr(self._exchange, endpoint.method)(dict(params))
        except (BaseError, OSError) as error:
            if open_files.ran_out(error):
                raise open_files.too_low(f"{what} could not be requested") from None
            if isinstance(error, OSError):
                raise
            cause = error.__cause__ or error
            text = str(cause) or type(cause).__name__
            raise ConnectionFailed(f"{what}: {text}") from None
        finally:
            _CALL.reset(token)
        return call.replies[0]

    def slow_down(self) -> None:
        """After "too many requests": stay below the documented rate for a while."""
        bucket = self._exchange.throttler.config
        bucket["refillRate"] = max(bucket["refillRate"] * 0.7, self._full_rate * 0.2)

    def recover(self) -> None:
        """After a valid response: return gradually to the documented rate."""
        bucket = self._exchange.throttler.config
        bucket["refillRate"] = min(bucket["refillRate"] * 1.02, self._full_rate)

    def share(self, runs: int) -> None:
        """Use only this run's share of the limit: `runs` runs on this machine use the same venue."""
        full = self._documented / runs
        if full != self._full_rate:
            bucket = self._exchange.throttler.config
            bucket["refillRate"] *= full / self._full_rate
            self._full_rate = full
        if self._window is not None:
            self._window.limit = self._most / runs

    async def close(self) -> None:
        """Release the connections."""
        if self._window is not None:
            self._window.close()
        session = self._exchange.session
        await self._exchange.close()
        if session is not None:
            await session.close()


def _options(budget: Budget, pace: float | None) -> dict[str, Any]:
    rate = budget.per_second * (pace or 1.0) * SHARE_OF_LIMIT
    return {
        "enableRateLimit": pace is not None,
        "rateLimit": 1000 / rate,
        "tokenBucket": {"delay": 0.005, "capacity": max(1.0, rate * budget.seconds * 0.02)},
        # If ccxt has no session, it uses ours (RawExchange.open).
        "session": None,
        "enableLastHttpResponse": False,
        "enableLastJsonResponse": False,
        "enableLastResponseHeaders": False,
        "timeout_on_exit": 0,
    }


def _base_attribute(name: str) -> Any:
    if name == "Exchange":
        return importlib.import_module("ccxt.base.exchange").Exchange
    errors = importlib.import_module("ccxt.base.errors")
    if name in errors.__all__:
        return getattr(errors, name)
    raise AttributeError(name)


def _exchange_module(ccxt_id: str) -> ModuleType:
    """ccxt's module of one venue, without its parent packages, which import every exchange twice (80 MB)."""
    for package in ("ccxt", "ccxt.async_support"):
        if package not in sys.modules:
            spec = importlib.util.find_spec(package)
            assert spec is not None
            sys.modules[package] = importlib.util.module_from_spec(spec)
            # Its base modules import errors and the base class from here.
            vars(sys.modules[package])["__getattr__"] = _base_attribute
    return importlib.import_module(f"ccxt.async_support.{ccxt_id}")


class _BoundedResponse(aiohttp.ClientResponse):
    """Reads its body within the limit of the call. APIs send UTF-8, whatever the header says."""

    async def read(self) -> bytes:
        if self._body is None:
            call = _CALL.get()
            self._body = await read_body(self, call.what, call.limit)
        return self._body

    def get_encoding(self) -> str:
        return "utf-8"


class _Session:
    """The part of an aiohttp session that ccxt uses: follows no redirects, and has the endpoint's timeout."""

    def __init__(self, ssl_context: Any) -> None:
        self.headers: Mapping[str, str] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl_context), response_class=_BoundedResponse, auto_decompress=False
        )

    def get(self, url: Any, **options: Any) -> Any:
        timeout = _CALL.get().limit.timeout
        return self._session.get(url, **{**options, "timeout": timeout, "allow_redirects": False})

    async def close(self) -> None:
        await self._session.close()


def _exchange_class(ccxt_id: str) -> Any:
    """ccxt's class of the venue, with hooks that capture raw responses."""
    base: Any = getattr(_exchange_module(ccxt_id), ccxt_id)

    class RawExchange(base):  # type: ignore[misc]
        """Captures the text as sent and leaves all error handling to dlt_pipelines.http.response."""

        def open(self, *how: Any, **more: Any) -> None:
            """Use ccxt's event loop and TLS context with our own session. Newer versions of ccxt pass `lazy`."""
            super().open(*how, **more)
            if self.session is None:  # type: ignore[has-type]
                self.session = _Session(self.ssl_context)

        async def fetch(self, url: str, *request: Any, **more: Any) -> Any:
            """Called when ccxt's rate limiter has let the request pass."""
            # Some ccxt exchanges do not encode characters outside ASCII.
            url = quote(url, safe=_PRINTABLE)
            call = _CALL.get()
            await call.gate()
            if call.window is None:
                return await super().fetch(url, *request, **more)
            async with call.window.request(call.weight):
                await call.gate()
                return await super().fetch(url, *request, **more)

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any
        ) -> str:
            lower = {name.lower(): value for name, value in headers.items()}
            _CALL.get().replies.append(Response(code, lower, body))
            return body

        def parse_json(self, http_response: str) -> dict[str, Any]:
            return {}

        def handle_errors(self, *answer: Any) -> None:
            return None

        def handle_http_status_code(self, *answer: Any) -> None:
            return None

        def calculate_rate_limiter_cost(self, *request: Any, **config: Any) -> float:
            return _CALL.get().weight

    return RawExchange
