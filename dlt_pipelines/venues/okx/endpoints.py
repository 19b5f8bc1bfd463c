"""OKX's REST endpoints and limits, from its API documentation."""

from dlt_pipelines.core.endpoint import Budget, Endpoint

# market/candles serves the newest 1,440 bars; fewer are used, as time passes between plan and call.
RECENT_BARS = 1_200
# "Up to three months": fewer days than any three months have, so that no empty page counts that proves nothing.
FUNDING_REACH_MS = 89 * 24 * 3600 * 1000

_HISTORY = Budget("okx history-candles calls", 20, 2)
_RECENT = Budget("okx candles calls", 40, 2)
# Documented per instrument; shared by all of them here, as there are few calls.
_FUNDING = Budget("okx funding calls", 10, 2)
_INSTRUMENTS = Budget("okx instruments calls", 20, 2)
_CLOCK = Budget("okx time calls", 10, 2)

_ORIGIN = "okx_url"

RECENT = Endpoint("/api/v5/market/candles", "public_get_market_candles", _ORIGIN, _RECENT, 1, 300, newest_first=True)
BY_DATASET = {
    "bars": Endpoint(
        "/api/v5/market/history-candles",
        "public_get_market_history_candles",
        _ORIGIN,
        _HISTORY,
        page_rows=300,
        newest_first=True,
    ),
    "funding": Endpoint(
        "/api/v5/public/funding-rate-history",
        "public_get_public_funding_rate_history",
        _ORIGIN,
        _FUNDING,
        page_rows=400,
        newest_first=True,
        reach_ms=FUNDING_REACH_MS,
    ),
    "instruments": Endpoint("/api/v5/public/instruments", "public_get_public_instruments", _ORIGIN, _INSTRUMENTS),
}
CLOCK = Endpoint("/api/v5/public/time", "public_get_public_time", _ORIGIN, _CLOCK)
