"""Fetches and prints one small page of everything that a venue serves: `python -m dlt_pipelines.venues.<venue>`."""

import asyncio
import sys

from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.page_requests import wanted_end
from dlt_pipelines.planning.universe import load
from dlt_pipelines.rest.paging import pages_of
from warehouse.settings import Settings


def smoke(venue: str) -> int:
    """Request one page of each dataset and market of the universe; returns exit code 1 if one fails."""
    settings = Settings.load()
    samples = {(s.dataset, s.market): s for s in load(settings.universe).series() if s.venue == venue}
    return asyncio.run(_request(venue, settings, list(samples.values())))


async def _request(venue: str, settings: Settings, samples: list[Series]) -> int:
    source = VenueClient(venue, settings, 1.0, lambda name, error, waits: print(error, file=sys.stderr))  # noqa: T201
    try:
        for series in samples:
            async for page in pages_of(source, await _small(source, series)):
                print(f"{series}: {page.rows} records, {len(page.payload)} characters from {page.endpoint}")  # noqa: T201
    except VenueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await source.close()
    return 0


async def _small(source: VenueClient, series: Series) -> PageRequest:
    now = await source.now(series)
    if not series.windowed:
        return PageRequest(series, source.venue.endpoint(series, 0, now))
    end = wanted_end(series, now)
    start = end - (3 if series.dataset == "bars" else 24) * 60 * MINUTE_MS
    return PageRequest(series, source.venue.endpoint(series, start, now), start, end)
