"""Listings of instruments in each venue's format, made from (base, quote, differences)."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.dbt.pages import land

Record = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Venue:
    """One listing of a venue: its raw table, staging view, and the place of each attribute in a record.

    `optional` holds (column, path, value in `record`), `required` the paths of symbol, base and quote.
    """

    name: str
    market: str
    table: str
    view: str
    record: Callable[[str, str], Record]
    body: Callable[[list[Record]], Any]
    optional: tuple[tuple[str, Path, float], ...]
    required: tuple[Path, ...]

    def changed(self, base: str, quote: str, path: Path, value: object) -> Record:
        """A record with another value at `path`; MISSING takes the key away."""
        record = copy.deepcopy(self.record(base, quote))
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        if value is MISSING:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        return record

    def land(self, client: Client, records: Iterable[Any], fetched_at: datetime) -> None:
        """One page that lists these records, as the response to a request for everything."""
        series = (self.name, self.market, "", "")
        land(client, f"{self.table}", self.body(list(records)), fetched_at, series=series)


MISSING = object()


def _binance(base: str, quote: str) -> Record:
    return {
        "symbol": f"{base}{quote}",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.002"},
            {"filterType": "NOTIONAL", "minNotional": "5"},
        ],
    }


def _binance_perp(base: str, quote: str) -> Record:
    # No venue omits leading digits of a name from the symbol: 1000SHIB/USDT is 1000SHIBUSDT.
    record = _binance(base, quote)
    record["filters"][2] = {"filterType": "MIN_NOTIONAL", "notional": "5"}
    return record | {"contractType": "PERPETUAL", "marginAsset": quote, "onboardDate": 1569398400000}


def _okx_spot(base: str, quote: str) -> Record:
    sizes = {"tickSz": "0.01", "lotSz": "0.001", "minSz": "0.002", "ctVal": "", "ctMult": "", "ctValCcy": ""}
    return {
        "instId": f"{base}-{quote}",
        "instType": "SPOT",
        "ctType": "",
        "settleCcy": "",
        "state": "live",
        "listTime": "1569398400000",
        **sizes,
    }


def _okx_perp(base: str, quote: str) -> Record:
    contract = {
        "instType": "SWAP",
        "ctType": "linear",
        "settleCcy": quote,
        "ctVal": "100",
        "ctMult": "0.1",
        "ctValCcy": base,
    }
    return _okx_spot(base, quote) | {"instId": f"{base}-{quote}-SWAP", **contract}


def _bybit(base: str, quote: str) -> Record:
    return {
        "symbol": f"{base}{quote}",
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": quote,
        "priceFilter": {"tickSize": "0.01"},
        "lotSizeFilter": {"basePrecision": "0.001", "minOrderQty": "0.002", "minOrderAmt": "5"},
    }


def _coinbase(base: str, quote: str) -> Record:
    return {
        "id": f"{base}-{quote}",
        "base_currency": base,
        "quote_currency": quote,
        "status": "online",
        "trading_disabled": False,
        "quote_increment": "0.01",
        "base_increment": "0.001",
        "min_market_funds": "5",
    }


_BINANCE: tuple[tuple[str, Path, float], ...] = (
    ("tick_size", ("filters", 0, "tickSize"), 0.01),
    ("lot_size", ("filters", 1, "stepSize"), 0.001),
    ("min_qty", ("filters", 1, "minQty"), 0.002),
)
_OKX: tuple[tuple[str, Path, float], ...] = (
    ("tick_size", ("tickSz",), 0.01),
    ("lot_size", ("lotSz",), 0.001),
    ("min_qty", ("minSz",), 0.002),
    ("listed_at", ("listTime",), 1569398400),
)
VENUES = (
    Venue(
        "binance",
        "spot",
        "binance__spot_instruments",
        "stg_binance__spot_instruments",
        _binance,
        lambda records: {"symbols": records},
        (*_BINANCE, ("min_notional", ("filters", 2, "minNotional"), 5)),
        (("symbol",), ("baseAsset",), ("quoteAsset",)),
    ),
    Venue(
        "binance",
        "perp",
        "binance__usdm_instruments",
        "stg_binance__perp_instruments",
        _binance_perp,
        lambda records: {"symbols": records},
        (*_BINANCE, ("min_notional", ("filters", 2, "notional"), 5), ("listed_at", ("onboardDate",), 1569398400)),
        (("symbol",), ("baseAsset",), ("quoteAsset",)),
    ),
    Venue(
        "okx",
        "spot",
        "okx__instruments",
        "stg_okx__instruments",
        _okx_spot,
        lambda records: {"code": "0", "data": records},
        _OKX,
        (("instId",),),
    ),
    Venue(
        "okx",
        "perp",
        "okx__instruments",
        "stg_okx__instruments",
        _okx_perp,
        lambda records: {"code": "0", "data": records},
        (*_OKX, ("contract_size", ("ctVal",), 10)),
        (("instId",),),
    ),
    Venue(
        "bybit",
        "spot",
        "bybit__spot_instruments",
        "stg_bybit__spot_instruments",
        _bybit,
        lambda records: {"retCode": 0, "result": {"category": "spot", "list": records}},
        (
            ("tick_size", ("priceFilter", "tickSize"), 0.01),
            ("lot_size", ("lotSizeFilter", "basePrecision"), 0.001),
            ("min_qty", ("lotSizeFilter", "minOrderQty"), 0.002),
            ("min_notional", ("lotSizeFilter", "minOrderAmt"), 5),
        ),
        (("symbol",), ("baseCoin",), ("quoteCoin",)),
    ),
    Venue(
        "coinbase",
        "spot",
        "coinbase__spot_instruments",
        "stg_coinbase__spot_instruments",
        _coinbase,
        lambda records: records,
        (
            ("tick_size", ("quote_increment",), 0.01),
            ("lot_size", ("base_increment",), 0.001),
            ("min_notional", ("min_market_funds",), 5),
        ),
        (("id",), ("base_currency",), ("quote_currency",)),
    ),
)
