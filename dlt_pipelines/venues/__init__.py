"""The venues that we know. A new one: a package here, and its line below."""

from dlt_pipelines.core.venue import Venue
from dlt_pipelines.venues.alternative_me import AlternativeMe
from dlt_pipelines.venues.binance import Binance
from dlt_pipelines.venues.bybit import Bybit
from dlt_pipelines.venues.coinbase import Coinbase
from dlt_pipelines.venues.okx import Okx

VENUES: dict[str, Venue] = {venue.name: venue for venue in (Binance(), Okx(), Bybit(), Coinbase(), AlternativeMe())}
