"""The venues' documented limits of requests, by the time of this machine (not the replayed clock).

Binance spot: weight 6,000 a minute; USD-M: weight 2,400 a minute, and 500 calls in 5 minutes for funding; OKX: calls
in 2 seconds by endpoint (funding history by instrument too), 2 calls in
5 seconds for lists of archive files; Bybit: 600 calls in 5 seconds, then HTTP 403 and a ban.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from replay.faults import failure, origin_of, too_many
from replay.journal import Journal

_OKX_CALLS = {"history-candles": 20, "candles": 40, "funding-rate-history": 10, "instruments": 20, "time": 10}
_SPOT_WEIGHTS = {"klines": 2, "exchangeInfo": 20}


@dataclass(slots=True)
class _Bucket:
    """One limit's use: binance counts by clock minutes, the others in windows that begin with the first call."""

    ends: float = 0.0
    used: int = 0


@dataclass(slots=True)
class Limits:
    """Counts weights and calls, refuses what is above a limit; `scale` multiplies every limit, `now` is for tests."""

    scale: float = 1.0
    bybit_ban_seconds: float = 600.0
    now: Callable[[], float] = time.monotonic
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _banned_until: float = 0.0

    def refuse(self, request: web.Request, journal: Journal) -> web.Response | None:
        """The refusal, if this request is one too many; it is counted as a violation of the limit's name."""
        origin = origin_of(request.path)
        if origin == "bybit" and self.now() < self._banned_until:
            journal.violations["bybit banned"] += 1
            return failure("403", request.path, 0)
        for name, limit, seconds, weight in _limits_of(request, origin):
            bucket = self._buckets.setdefault(name, _Bucket())
            if self.now() >= bucket.ends:
                bucket.ends, bucket.used = self.now() + seconds, 0
            bucket.used += weight
            if bucket.used > limit * self.scale:
                journal.violations[name] += 1
                return self._refusal(origin, request.path, bucket)
        return None

    def report(self, request: web.Request, response: web.StreamResponse) -> None:
        """Binance says in a header how much of the minute's weight is used."""
        bucket = self._buckets.get(origin_of(request.path) + " weight")
        if bucket is not None:
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(bucket.used)

    def _refusal(self, origin: str, path: str, bucket: _Bucket) -> web.Response:
        if origin == "bybit":
            self._banned_until = self.now() + self.bybit_ban_seconds
            return failure("403", path, 0)
        return too_many(origin, 429, max(int(bucket.ends - self.now()) + 1, 1))


def _limits_of(request: web.Request, origin: str) -> list[tuple[str, int, float, int]]:
    """Limits that a request counts for: name, limit, seconds, weight."""
    endpoint = request.path.rsplit("/", 1)[1]
    if origin == "binance-spot":
        return [("binance-spot weight", 6000, 60.0, _SPOT_WEIGHTS.get(endpoint, 1))]
    if origin == "binance-usdm":
        if endpoint in {"fundingRate", "fundingInfo"}:
            return [("binance-usdm funding calls", 500, 300.0, 1)]
        return [("binance-usdm weight", 2400, 60.0, _usdm_weight(request, endpoint))]
    if origin == "okx":
        name = f"okx {endpoint}"
        if endpoint == "market-data-history":
            return [(name, 2, 5.0, 1)]
        if endpoint in {"funding-rate-history", "instruments"}:
            name += f" {request.query.get('instId', request.query.get('instType', ''))}"
        return [(name, _OKX_CALLS.get(endpoint, 20), 2.0, 1)]
    return [("bybit calls", 600, 5.0, 1)] if origin == "bybit" else []


def _usdm_weight(request: web.Request, endpoint: str) -> int:
    if endpoint != "klines":
        return 1
    limit = request.query.get("limit", "500")
    rows = int(limit) if limit.isdecimal() else 500
    return next((weight for bound, weight in ((99, 1), (499, 2), (1000, 5)) if rows <= bound), 10)
