"""Binance's REST endpoints and limits, from its API documentation."""

from dlt_pipelines.core.endpoint import Budget, Endpoint

SPOT = Budget("binance spot weight", 6_000, 60)
USDM = Budget("binance usdm weight", 2_400, 60)
FUNDING = Budget("binance funding calls", 500, 300)

# A call of up to 499 rows weighs 2, up to 1000 weighs 5, up to 1500 weighs 10: 499 rows yield the most bars per weight.
USDM_PAGE_ROWS, USDM_PAGE_WEIGHT = 499, 2

_SPOT, _USDM = "binance_spot_url", "binance_usdm_url"

BY_SERIES = {
    ("bars", "spot"): Endpoint("/api/v3/klines", "public_get_klines", _SPOT, SPOT, 2, 1000),
    ("bars", "perp"): Endpoint(
        "/fapi/v1/klines", "fapipublic_get_klines", _USDM, USDM, USDM_PAGE_WEIGHT, USDM_PAGE_ROWS
    ),
    ("funding", "perp"): Endpoint("/fapi/v1/fundingRate", "fapipublic_get_fundingrate", _USDM, FUNDING, 1, 1000),
    ("instruments", "spot"): Endpoint("/api/v3/exchangeInfo", "public_get_exchangeinfo", _SPOT, SPOT, 20),
    ("instruments", "perp"): Endpoint("/fapi/v1/exchangeInfo", "fapipublic_get_exchangeinfo", _USDM, USDM),
}

CLOCKS = {
    "spot": Endpoint("/api/v3/time", "public_get_time", _SPOT, SPOT),
    "perp": Endpoint("/fapi/v1/time", "fapipublic_get_time", _USDM, USDM),
}
