"""A run's memory does not grow with what it has landed: measured in objects and bytes, not in resident memory."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.rest.page_loader import PageLoader
from tests.ingest import Ingest

BATCHES, PAGES, BYTES = 4, 20, 100_000


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without it, objects in reference cycles stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def batch(number: int) -> list[Page]:
    series = Series("bars", "binance", "spot", "BTC/USDT", "1m")
    now = datetime(2025, 1, 28, 18, number, tzinfo=UTC)
    return [
        Page(series, "spot_klines", "BTCUSDT", "/klines", {}, page, page + 1, 200, now, None, 1, f"{page:>{BYTES}}")
        for page in range(PAGES)
    ]


def test_a_landed_batch_leaves_nothing_behind(ingest: Ingest, no_collector: None) -> None:
    pages, arrow = [], []
    with PageLoader(ingest.settings.connection("ingest"), ingest.settings.home) as landing:
        for number in range(BATCHES):
            landing.load("binance", batch(number))
            pages.append(sum(isinstance(one, Page) for one in gc.get_objects()))
            arrow.append(pa.total_allocated_bytes())
    assert pages == [0] * BATCHES
    assert max(arrow) - arrow[0] < PAGES * BYTES
