"""Instrument records of the synthetic market, with the venues' current fields."""

from decimal import Decimal

from replay.market import Record
from replay.synthetic.listings import LISTINGS, Listing


def unit(decimals: int, places: int | None = None) -> str:
    """10**-decimals as text, with `places` decimals if given: (2, 8) is 0.01000000."""
    step = Decimal(1).scaleb(-decimals)
    return format(step if places is None else step.quantize(Decimal(1).scaleb(-places)), "f")


def records(venue: str, market: str) -> list[Record]:
    """All instruments of a venue's market."""
    shape = _SHAPES.get((venue, market))
    if shape is None:
        return []
    return [shape(li) for li in LISTINGS.values() if (li.venue, li.market) == (venue, market)]


def envelope(venue: str, market: str) -> Record:
    """What Binance sends before the symbols; serverTime is filled in by the server."""
    if venue != "binance":
        return {}
    weight = 6000 if market == "spot" else 2400
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight}]
    body: Record = {"timezone": "UTC", "serverTime": 0, "rateLimits": limits, "exchangeFilters": []}
    if market == "perp":
        body |= {"futuresType": "U_MARGINED", "assets": []}
    return body


def _min_value(listing: Listing) -> str:
    return "5" if listing.quote == "USDT" else "0.0001"


def _binance_spot(listing: Listing) -> Record:
    lot = unit(listing.lot_decimals, 8)
    return {
        "symbol": listing.venue_symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": unit(listing.price_decimals, 8),
                "maxPrice": "1000000.00000000",
                "tickSize": unit(listing.price_decimals, 8),
            },
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000.00000000", "stepSize": lot},
            {
                "filterType": "NOTIONAL",
                "minNotional": format(Decimal(_min_value(listing)).quantize(Decimal("1E-8")), "f"),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def _binance_perp(listing: Listing) -> Record:
    tick, lot = unit(listing.price_decimals), unit(listing.lot_decimals)
    return {
        "symbol": listing.venue_symbol,
        "pair": listing.venue_symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": listing.listed_ms,
        "status": "TRADING",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": listing.lot_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000000", "stepSize": lot},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }


def _okx(listing: Listing) -> Record:
    swap = listing.market == "perp"
    lot = "0.01" if swap else unit(listing.lot_decimals)
    pair = listing.symbol.replace("/", "-")
    return {
        "alias": "",
        "baseCcy": "" if swap else listing.base,
        "category": "1",
        "ctMult": "1" if swap else "",
        "ctType": "linear" if swap else "",
        "ctVal": listing.contract_size or "",
        "ctValCcy": listing.base if swap else "",
        "expTime": "",
        "instFamily": pair if swap else "",
        "instId": listing.venue_symbol,
        "instType": "SWAP" if swap else "SPOT",
        "listTime": str(listing.listed_ms),
        "lotSz": lot,
        "minSz": lot,
        "optType": "",
        "quoteCcy": "" if swap else listing.quote,
        "ruleType": "normal",
        "settleCcy": listing.quote if swap else "",
        "state": "live",
        "stk": "",
        "tickSz": unit(listing.price_decimals),
        "uly": pair if swap else "",
    }


def _bybit(listing: Listing) -> Record:
    lot = unit(listing.lot_decimals)
    return {
        "symbol": listing.venue_symbol,
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": lot,
            "quotePrecision": unit(listing.price_decimals + listing.lot_decimals),
            "minOrderQty": lot,
            "maxOrderQty": "1000000",
            "minOrderAmt": _min_value(listing),
            "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": unit(listing.price_decimals)},
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
    }


def _coinbase(listing: Listing) -> Record:
    return {
        "id": listing.venue_symbol,
        "base_currency": listing.base,
        "quote_currency": listing.quote,
        "quote_increment": unit(listing.price_decimals),
        "base_increment": unit(listing.lot_decimals),
        "display_name": listing.venue_symbol,
        "min_market_funds": _min_value(listing),
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


_SHAPES = {
    ("binance", "spot"): _binance_spot,
    ("binance", "perp"): _binance_perp,
    ("okx", "spot"): _okx,
    ("okx", "perp"): _okx,
    ("bybit", "spot"): _bybit,
    ("coinbase", "spot"): _coinbase,
}
