"""All origins of this server, by the first part of their paths. A new venue needs a module here and an entry below."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from replay.venues import alternative_me, binance_refusals, bybit, coinbase, okx
from replay.venues.binance import Binance
from replay.venues.context import Context, Limit


@dataclass(frozen=True, slots=True)
class Origin:
    """An API: its routes, limits and error bodies."""

    variable: str
    """Environment variable that points the warehouse here."""
    routes: Callable[[Context, str], list[web.RouteDef]]
    """Endpoints under a prefix."""
    error_body: Callable[[str], Any]
    """Body of a failure: 429, 403, 451 or busy."""
    empty_body: Callable[[str], Any]
    """A page without rows, by path."""
    limits: Callable[[web.Request], list[Limit]] = lambda request: []
    """Limits that a request counts for."""
    sends_retry_after: bool = True
    """Whether Retry-After is sent with 429."""
    too_many_status: int | None = None
    """Status of a refusal for too many requests, if it is always the same."""
    ban_seconds: float = 0.0
    """How long a client above a limit gets 403."""


ORIGINS = {
    "binance-spot": Origin(
        "MDW_BINANCE_SPOT_URL",
        lambda context, prefix: Binance(context, "spot").routes(prefix),
        binance_refusals.error_body,
        binance_refusals.empty_body,
        binance_refusals.spot_limits,
    ),
    "binance-usdm": Origin(
        "MDW_BINANCE_USDM_URL",
        lambda context, prefix: Binance(context, "perp").routes(prefix),
        binance_refusals.error_body,
        binance_refusals.empty_body,
        binance_refusals.usdm_limits,
    ),
    "okx": Origin(
        "MDW_OKX_URL",
        lambda context, prefix: okx.Okx(context).routes(prefix),
        okx.error_body,
        okx.empty_body,
        okx.limits,
        sends_retry_after=False,
    ),
    "bybit": Origin(
        "MDW_BYBIT_URL",
        lambda context, prefix: bybit.Bybit(context).routes(prefix),
        bybit.error_body,
        bybit.empty_body,
        bybit.limits,
        too_many_status=200,
        ban_seconds=600.0,
    ),
    "coinbase": Origin(
        "MDW_COINBASE_URL",
        lambda context, prefix: coinbase.Coinbase(context).routes(prefix),
        coinbase.error_body,
        coinbase.empty_body,
        coinbase.limits,
        sends_retry_after=False,
    ),
    "alternative-me": Origin(
        "MDW_FEAR_GREED_URL",
        lambda context, prefix: alternative_me.AlternativeMe(context).routes(prefix),
        alternative_me.error_body,
        alternative_me.empty_body,
    ),
}


def origin_of(path: str) -> str:
    """The first part of the path, which names the origin: `okx` of /okx/api/v5/market/candles."""
    return path.split("/", 2)[1]
