"""Checks of the exchanges: whether each serves this address, and how far our clock is off."""

import asyncio
import time
from collections.abc import Iterator

from dlt_pipelines.core.errors import Banned, RegionBlocked, VenueError
from dlt_pipelines.core.series import Series
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.universe import Universe, load
from dlt_pipelines.venues import VENUES
from mdw.doctor.finding import Finding
from warehouse.errors import BadInput
from warehouse.settings import Settings

_SKEW_WARN_SECONDS = 5.0


def check_venues(settings: Settings) -> Iterator[Finding]:
    """One request to each origin of the universe, with the client that landing uses."""
    try:
        universe = load(settings.universe)
    except BadInput as problem:
        yield Finding("universe", "fail", str(problem), "correct the file, or set MDW_UNIVERSE to another one")
        return
    yield from asyncio.run(_check_origins(settings, universe))


async def _check_origins(settings: Settings, universe: Universe) -> list[Finding]:
    by_origin: dict[str, Series] = {}
    for series in universe.series():
        by_origin.setdefault(VENUES[series.venue].endpoint(series, 0, 0).origin, series)
    return list(await asyncio.gather(*(_check_origin(settings, series) for series in by_origin.values())))


async def _check_origin(settings: Settings, series: Series) -> Finding:
    name = " ".join(filter(None, (series.venue, series.market)))
    source = VenueClient(series.venue, settings, 1.0, lambda *fault: None, attempts=1)
    endpoint = VENUES[series.venue].clock(series)
    began, before = time.monotonic(), settings.clock().timestamp()
    try:
        if endpoint is None:
            listing = source.venue.endpoint(series, 0, 0)
            await source.request(listing, source.venue.params(series, listing, 0, 0), lambda body: None)
            return Finding(name, "ok", f"answers in {time.monotonic() - began:.2f} s")
        theirs = (await source.request(endpoint, {}, source.venue.read_clock))[1] / 1000
    except RegionBlocked as error:
        return Finding(name, "fail", str(error), "run from a region that it serves: docs/aws_deployment.md, regions")
    except Banned as error:
        return Finding(name, "fail", str(error), "wait until the ban ends; runbooks/venue_outage.md")
    except VenueError as error:
        return Finding(name, "fail", str(error), "check the network and proxy; runbooks/venue_outage.md")
    finally:
        await source.close()
    took = time.monotonic() - began
    # The venue's time was read somewhere between our two readings.
    skew = theirs - before - took / 2
    says = f"answers in {took:.2f} s, its clock is {skew:+.1f} s from ours"
    if abs(skew) - took / 2 > _SKEW_WARN_SECONDS:
        return Finding(name, "warn", says, "synchronise this machine's clock (landing goes by the venue's)")
    return Finding(name, "ok", says)
