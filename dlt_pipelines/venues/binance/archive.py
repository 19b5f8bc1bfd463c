"""data.binance.vision: klines of spot and USD-M by month and day, funding by month, with a sha256 next to each file.

Spot files have no header row and microseconds from 2025-01-01 on, milliseconds before; USD-M files have a header row
and milliseconds; header rows of older USD-M files may be absent. Daily files come the next day, monthly ones on
the first Monday of the next month. Files are replaced now and then. Funding files have no mark price.
Lands in: raw.binance__archive_spot_klines, __archive_usdm_klines, __archive_usdm_funding.
"""

from dlt_pipelines.core.archive import ArchiveFile, Check, Layout, Span
from dlt_pipelines.core.archive_periods import DAY_MS, first_monday
from dlt_pipelines.core.series import Series

_KLINES = Layout(
    columns=12,
    time_column=0,
    headers=(
        b"open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        b"taker_buy_volume,taker_buy_quote_volume,ignore",
        b"open_time,open,high,low,close,volume,close_time,quote_asset_volume,number_of_trades,"
        b"taker_buy_base_asset_volume,taker_buy_quote_asset_volume,ignore",
    ),
    microseconds=True,
)
_FUNDING = Layout(
    columns=3,
    time_column=0,
    headers=(b"calc_time,funding_interval_hours,last_funding_rate",),
    header_required=True,
    slack_ms=60_000,
)
_FOLDER = {"spot": "spot", "perp": "futures/um"}


class BinanceArchive:
    """Paths follow from the names of the files: no listing is needed."""

    origin = "binance_archive_url"
    address = "https://data.binance.vision"
    check: Check = "sha256_beside"
    calendar_ms = 0
    listing = None

    def complete(self, series: Series) -> bool:
        """Funding files lack the mark price."""
        return series.dataset != "funding"

    def spans(self, series: Series) -> tuple[Span, ...]:
        """Funding has months only."""
        return {"bars": ("monthly", "daily"), "funding": ("monthly",)}.get(series.dataset, ())  # type: ignore[return-value]

    def published(self, span: Span, end: int) -> int:
        """A day later than Binance documents."""
        return (first_monday(end) if span == "monthly" else end) + DAY_MS

    def file(self, series: Series, span: Span, label: str, start: int, end: int) -> ArchiveFile:
        """data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01.zip."""
        symbol = series.symbol.replace("/", "")
        bars = series.dataset == "bars"
        kind = f"klines/{symbol}/{series.timeframe}" if bars else f"fundingRate/{symbol}"
        name = f"{symbol}-{series.timeframe if bars else 'fundingRate'}-{label}.zip"
        market = "spot" if series.market == "spot" else "usdm"
        return ArchiveFile(
            series=series,
            venue_symbol=symbol,
            table=f"archive_{market}_{'klines' if bars else 'funding'}",
            span=span,
            name=name,
            start=start,
            end=end,
            layout=_KLINES if bars else _FUNDING,
            path=f"/data/{_FOLDER[series.market]}/{span}/{kind}/{name}",
        )
