"""OKX's files: 1m candles of spot by month and day, funding of swaps by month.

`/api/v5/public/market-data-history` lists them (2 calls in 5 seconds), the zips are on static.okx.com. Months and days
are cut at UTC+8 and published two days later. Seen in public code and not verified here (?): at most 6 months or 7 days
and 4 instruments per call, spot named by instIdList and swaps by instFamilyList, funding of single instruments by month
only, `confirm` 0 on every row of older candle files, Content-MD5 in the headers, funding_rate being the rate that
was paid. There is no published digest: Content-MD5 is checked where it is sent.
Lands in: raw.okx__archive_spot_candles, __archive_swap_funding.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from dlt_pipelines.core.archive import ArchiveFile, Check, Layout, Span
from dlt_pipelines.core.archive_periods import DAY_MS, HOUR_MS
from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.series import Series

_CANDLES = Layout(
    columns=10,
    time_column=8,
    headers=(b"instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm",),
    header_required=True,
    instrument_column=0,
)
_FUNDING = Layout(
    columns=3,
    time_column=2,
    headers=(b"instrument_name,funding_rate,funding_time",),
    header_required=True,
    instrument_column=0,
    slack_ms=60_000,
)
_MAX_INSTRUMENTS = 4
_HOST = "static.okx.com"
_PATH = re.compile(
    r"/cdn/okex/traderecords/(?:candlesticks|swaprates)/(?:monthly|daily)/\d{6,8}/[^/]+-[a-z]+-[\d-]+\.zip"
)


class OkxFileListing:
    """`/api/v5/public/market-data-history`."""

    endpoint = Endpoint(
        "/api/v5/public/market-data-history",
        "public_get_public_market_data_history",
        "okx_url",
        Budget("okx archive list calls", 2, 5),
    )
    periods_per_call: Mapping[Span, int] = {"monthly": 6, "daily": 7}

    def params(self, files: Sequence[ArchiveFile]) -> dict[str, str]:
        """One dataset and span, few instruments and periods. Both ends are inclusive (?)."""
        bars = files[0].series.dataset == "bars"
        names = sorted({file.venue_symbol.removesuffix("-SWAP") for file in files})
        return {
            "module": "2" if bars else "3",
            "instType": "SPOT" if bars else "SWAP",
            "instIdList" if bars else "instFamilyList": ",".join(names),
            "dateAggrType": files[0].span,
            "begin": str(min(file.start for file in files)),
            "end": str(max(file.end for file in files) - 1),
        }

    def read(self, body: Any) -> dict[str, str]:
        """Path by name of each listed file; other hosts or folders are left out: nothing is fetched from there."""
        found = {}
        for group in body["data"]:
            for detail in group["details"]:
                for entry in detail["groupDetails"]:
                    url = urlsplit(str(entry["url"]))
                    path = unquote(url.path)
                    if url.scheme == "https" and url.hostname == _HOST and _PATH.fullmatch(path) and ".." not in path:
                        found[str(entry["filename"])] = path
        return found

    def calls(self, files: Sequence[ArchiveFile]) -> list[list[ArchiveFile]]:
        """Files in groups that one call may list."""
        rest = sorted(files, key=lambda file: (file.series.dataset, file.span, file.start, file.venue_symbol))
        calls: list[list[ArchiveFile]] = []
        for file in rest:
            call = next((call for call in reversed(calls) if _fits(call, file)), None)
            if call is None:
                calls.append([file])
            else:
                call.append(file)
        return calls


class OkxArchive:
    """Names follow from the period; paths come from the list of files."""

    origin = "okx_archive_url"
    address = f"https://{_HOST}"
    check: Check = "md5_header"
    calendar_ms = 8 * HOUR_MS
    listing = OkxFileListing()

    def complete(self, series: Series) -> bool:
        """Files and REST have the same values."""
        return True

    def spans(self, series: Series) -> tuple[Span, ...]:
        """Candles of one minute; funding by month."""
        if series.dataset == "bars" and series.timeframe == "1m":
            return ("monthly", "daily")
        return ("monthly",) if series.dataset == "funding" else ()

    def published(self, span: Span, end: int) -> int:
        """Two days later, plus an hour."""
        return end + 2 * DAY_MS + HOUR_MS

    def file(self, series: Series, span: Span, label: str, start: int, end: int) -> ArchiveFile:
        """BTC-USDT-candlesticks-2025-01.zip, BTC-USDT-SWAP-fundingrates-2025-01.zip."""
        bars = series.dataset == "bars"
        symbol = series.symbol.replace("/", "-") + ("-SWAP" if series.market == "perp" else "")
        return ArchiveFile(
            series=series,
            venue_symbol=symbol,
            table="archive_spot_candles" if bars else "archive_swap_funding",
            span=span,
            name=f"{symbol}-{'candlesticks' if bars else 'fundingrates'}-{label}.zip",
            start=start,
            end=end,
            layout=_CANDLES if bars else _FUNDING,
        )


def _fits(call: Sequence[ArchiveFile], file: ArchiveFile) -> bool:
    first = call[0]
    if (first.series.dataset, first.span) != (file.series.dataset, file.span):
        return False
    names = {one.venue_symbol for one in call} | {file.venue_symbol}
    length = (31 if file.span == "monthly" else 1) * DAY_MS * OkxFileListing.periods_per_call[file.span]
    within = file.end - first.start <= length - (3 * DAY_MS if file.span == "monthly" else 0)
    return within and len(names) <= _MAX_INSTRUMENTS
