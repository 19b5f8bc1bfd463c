"""The protocols that the reader speaks, by venue and market."""

from dlt_pipelines.live.protocol import Dialect
from dlt_pipelines.live.protocols.binance import SPOT, USDM, BinanceDialect
from dlt_pipelines.live.protocols.bybit import BybitDialect
from dlt_pipelines.live.protocols.okx import OkxDialect

DIALECTS: dict[tuple[str, str], Dialect] = {
    ("binance", "spot"): BinanceDialect(SPOT),
    ("binance", "perp"): BinanceDialect(USDM),
    ("okx", "spot"): OkxDialect(),
    ("bybit", "spot"): BybitDialect(),
}
