"""Venues that have an archive."""

from dlt_pipelines.archive.files import Archive
from dlt_pipelines.venues.binance.archive import BinanceArchive
from dlt_pipelines.venues.okx.archive import OkxArchive

ARCHIVES: dict[str, Archive] = {"binance": BinanceArchive(), "okx": OkxArchive()}
