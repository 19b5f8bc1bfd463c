"""History of a time range: plan it, then land it. `mdw backfill` and the DAGs call this."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from dlt_pipelines import landing_log, recheck_claims
from dlt_pipelines.archive.replaced_files import replaced_files
from dlt_pipelines.archive.rest_fallback import left_to_rest
from dlt_pipelines.archive.run import land_files
from dlt_pipelines.core import intervals
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.progress import LandingReport, Progress, Silent
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning import coverage, listings
from dlt_pipelines.planning.landed_files import landed_files
from dlt_pipelines.planning.lane_choice import Lane, choose
from dlt_pipelines.planning.page_requests import window_requests
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.selection import Selection, select
from dlt_pipelines.planning.universe import Universe
from dlt_pipelines.rest.history_start import probe
from dlt_pipelines.rest.page_loader import PageLoader
from dlt_pipelines.rest.run import land
from dlt_pipelines.venues import ARCHIVES, VENUES
from warehouse import trust
from warehouse.client import connect
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings


def plan(
    settings: Settings,
    universe: Universe,
    selection: Selection | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    refetch: bool = False,
    pace: float | None = 1.0,
    lane: Lane = "rest",
    recheck: bool = False,
    recheck_claims: bool = False,
    dry_run: bool = False,
) -> Plan:
    """Plan what is missing of [start, end) in UTC; by default from the universe's start to the last closed bar.

    Changes nothing; requests each venue's time, and reads the coverage. Listings are due once a day. `refetch` includes
    covered windows. Lane `auto` picks the fastest lane for each window; `recheck` adds landed files that were replaced
    in the archive. `recheck_claims` plans instead what pages of older versions claim without proof
    (dlt_pipelines/recheck_claims.py), and corrects the coverage unless `dry_run` is set. Raises BadInput for an
    impossible value or time.
    """
    series = select(universe, selection or Selection())
    check_times(settings, start, end)
    begin = to_ms(start or universe.history.start)
    if recheck_claims:
        return _unproven_claims(settings, series, begin, to_ms(end or settings.clock()), pace, lane, dry_run)
    spans = {one: (begin, to_ms(end)) if end else (begin, None) for one in series}
    return make_plan(settings, spans, refetch, pace, lane=lane, recheck=recheck)


def _unproven_claims(
    settings: Settings, series: Sequence[Series], start: int, end: int, pace: float | None, lane: Lane, dry_run: bool
) -> Plan:
    with connect(settings, "ingest") as client:
        unproven, notices = recheck_claims.review(client, series, record=not dry_run)
    spans: dict[Series, tuple[int, int | None]] = {
        one: (max(holes[0][0], start), min(holes[-1][1], end))
        for one, holes in unproven.items()
        if holes[0][0] < end and start < holes[-1][1]
    }
    if not spans:
        return Plan(settings, [], ["No page of an older version claims a window that its rows do not prove."], [], lane)
    found = make_plan(settings, spans, False, pace, lane=lane, unproven=unproven if dry_run else None)
    return replace(found, notices=[*notices, *found.notices])


def run(plan: Plan, progress: Progress | None = None, pace: float | None = 1.0) -> LandingReport:
    """Land a plan and record the run in ops.landings.

    `pace` multiplies the venues' documented limits; values above 1, and None for no limit at all, are for replayed
    venues only. Failures at venues are in the report (`failures`, `complete`); a failure of ClickHouse raises
    OperationFailed.
    """
    _check_pace(plan.settings, pace, {request.series for request in plan.requests})
    connection = plan.settings.connection("ingest")
    try:
        with PageLoader(connection, plan.settings.home, trust.install(plan.settings), plan.settings.cluster) as landing:
            report = asyncio.run(_land(plan, landing, progress or Silent(), pace))
    except BaseExceptionGroup as group:
        raise _first(group) from None
    landing_log.record(plan, report, paced=pace is not None)
    return report


def make_plan(
    settings: Settings,
    spans: Mapping[Series, tuple[int, int | None]],
    refetch: bool,
    pace: float | None,
    force_listings: bool = False,
    lane: Lane | None = None,
    recheck: bool = False,
    unproven: Mapping[Series, intervals.Windows] | None = None,
) -> Plan:
    """Requests and files for each series' span in ms since 1970; an end of None means the last closed bar.

    Without a lane, everything comes from REST, including what the real venue no longer serves but a replayed one may.
    `unproven` are covered windows that are to be fetched again.
    """
    _check_pace(settings, pace, spans)
    left_out: list[str] = []
    if lane == "archive":
        spans, left_out = _with_archive(spans)
    with connect(settings, "ingest") as client:
        done = {} if refetch else coverage.covered(client, list(spans))
        known_listings = listings.landed_listings(client)
        landed = landed_files(client) if lane in ("auto", "archive") and not refetch else frozenset()
    for one, windows in (unproven or {}).items():
        done[one] = [part for window in done.get(one, []) for part in intervals.subtract(*window, windows)]
    times, notices = asyncio.run(_venue_times(settings, list(spans), pace))
    notices += left_out
    whole = {series: (start, end or times[_clock_key(series)]) for series, (start, end) in spans.items()}
    probes = asyncio.run(probe(settings, whole, done, pace, with_rows=lane != "archive"))
    notices += probes.notices
    requests: list[PageRequest] = []
    files: list[ArchiveFile] = []
    for series, span in whole.items():
        venue, now = VENUES[series.venue], times[_clock_key(series)]
        if series.windowed:
            covered = intervals.merge([*done.get(series, []), *probes.proven.get(series, [])])
            choice = choose(lane, venue, series, span, covered, now, landed)
            files += choice.files
            notices += choice.notices
            requests += window_requests(venue, series, span, intervals.merge([*covered, *choice.not_rest]), now)
        elif refetch or force_listings or listings.is_due(known_listings.get(series), datetime.now(UTC)):
            endpoint = venue.endpoint(series, 0, now)
            min_rows, since = listings.min_rows(known_listings.get(series)), listings.reaches_back_to(endpoint, span[0])
            requests.append(PageRequest(series, endpoint, min_rows=min_rows, since=since))
    if recheck:
        now = to_ms(settings.clock())
        wanted = {series: (start, end or now) for series, (start, end) in spans.items() if series.windowed}
        with connect(settings, "ingest") as client:
            again, replaced_notices = asyncio.run(replaced_files(settings, client, wanted))
        files, notices = list(dict.fromkeys([*files, *again])), [*notices, *replaced_notices]
    return Plan(settings, requests, notices, files, lane, probes.pages)


def make_plan_again(
    settings: Settings, windows: Sequence[tuple[Series, int, int]], recheck: Collection[Series], pace: float | None
) -> Plan:
    """Requests and files for windows in ms since 1970, covered or not, from a lane that still has them; listings whole.

    Landed files of the series of `recheck` are compared with the archive and land again where they were replaced.
    """
    _check_pace(settings, pace, {series for series, _, _ in windows})
    now = to_ms(settings.clock())
    requests: list[PageRequest] = []
    files: list[ArchiveFile] = []
    notices: list[str] = []
    for series, start, end in dict.fromkeys(windows):
        venue = VENUES[series.venue]
        if not series.windowed:
            requests.append(PageRequest(series, venue.endpoint(series, 0, now)))
            continue
        choice = choose("auto", venue, series, (start, end), [], now)
        files += choice.files
        notices += choice.notices
        requests += window_requests(venue, series, (start, end), intervals.merge(choice.not_rest), now)
    if recheck:
        spans = {
            series: (
                min(start for one, start, _ in windows if one == series),
                max(end for one, _, end in windows if one == series),
            )
            for series in recheck
        }
        with connect(settings, "ingest") as client:
            replaced, replaced_notices = asyncio.run(replaced_files(settings, client, spans))
        files, notices = [*files, *replaced], [*notices, *replaced_notices]
    return Plan(settings, requests, notices, list(dict.fromkeys(files)), "auto")


async def _land(plan: Plan, landing: PageLoader, progress: Progress, pace: float | None) -> LandingReport:
    """Both lanes concurrently, then REST for what the archive did not have."""
    if not plan.files:
        return await land(plan, landing, progress, pace)
    async with asyncio.TaskGroup() as group:
        rest = group.create_task(land(plan, landing, progress, pace))
        archive = group.create_task(land_files(plan.settings, plan.files, progress, pace, plan.lane != "archive"))
    report, outcome = rest.result(), archive.result()
    report.merge(outcome.report)
    report.seconds = max(report.seconds, outcome.report.seconds)
    for_rest, notices = left_to_rest(plan.settings, outcome, fall_back=plan.lane != "archive")
    report.notices += notices
    if for_rest:
        now = to_ms(plan.settings.clock())
        requests = [
            request
            for series, start, end in for_rest
            for request in window_requests(VENUES[series.venue], series, (start, end), [], now)
        ]
        second = await land(Plan(plan.settings, requests), landing, progress, pace)
        report.merge(second)
        report.seconds += second.seconds
    return report


def _with_archive(
    spans: Mapping[Series, tuple[int, int | None]],
) -> tuple[dict[Series, tuple[int, int | None]], list[str]]:
    """The series that an archive has, and a notice about the others."""
    kept = {
        series: span
        for series, span in spans.items()
        if (archive := ARCHIVES.get(series.venue)) is not None and archive.spans(series)
    }
    others = sorted({" ".join((s.dataset, s.venue, s.market, s.timeframe)).strip() for s in spans if s not in kept})
    if not kept:
        raise BadInput(f"No archive has {', '.join(others)}; use --lane auto or --lane rest.")
    return kept, [f"No archive has {', '.join(others)}: left out."] if others else []


def check_times(settings: Settings, start: datetime | None, end: datetime | None) -> None:
    """Raise BadInput for a time without zone, in the future, or an end before the start."""
    now = settings.clock()
    for name, value in (("start", start), ("end", end)):
        if value is None:
            continue
        if value.tzinfo is None:
            raise BadInput(f"{name} {value.isoformat()} has no time zone; write it as {value.isoformat()}Z for UTC.")
        if value > now:
            raise BadInput(f"{name} {value.isoformat()} is in the future; it is {now:%Y-%m-%dT%H:%M:%SZ} now.")
    if start and end and end <= start:
        raise BadInput(
            f"end {end.isoformat()} is not after start {start.isoformat()}; the end is exclusive, so it must be later."
        )


def _clock_key(series: Series) -> tuple[str, str]:
    endpoint = VENUES[series.venue].clock(series)
    return series.venue, endpoint.path if endpoint else ""


async def _venue_times(
    settings: Settings, series: Sequence[Series], pace: float | None
) -> tuple[dict[tuple[str, str], int], list[str]]:
    """Each venue's time; our own, with a notice, if the venue does not answer."""
    samples = {_clock_key(one): one for one in series}
    sources = {name: VenueClient(name, settings, pace, lambda *fault: None) for name, _ in samples}
    notices: list[str] = []

    async def request(sample: Series) -> int:
        try:
            return await sources[sample.venue].now(sample)
        except VenueError as error:
            notices.append(f"The time of {sample.venue} is unavailable, planning by our own clock: {error}")
            return to_ms(settings.clock())

    try:
        answers = await asyncio.gather(*(request(sample) for sample in samples.values()))
    finally:
        for source in sources.values():
            await source.close()
    return dict(zip(samples, answers, strict=True)), notices


def _check_pace(settings: Settings, pace: float | None, series: Iterable[Series]) -> None:
    if pace is not None and 0 < pace <= 1:
        return
    for name in sorted({VENUES[one.venue].endpoint(one, 0, 0).origin for one in series}):
        if not _is_loopback(settings.origins.get(name)):
            raise BadInput(
                f"pace {pace} exceeds the venues' documented limits: it must be above 0 and at most 1. "
                f"Only venues replayed on this machine may be requested faster, and MDW_{name.upper()} is not one."
            )


def _is_loopback(url: str | None) -> bool:
    host = urlsplit(url or "").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error to show: one of our own if there is one, else the first."""
    flat: list[BaseException] = []
    todo: list[BaseException] = [group]
    while todo:
        error = todo.pop(0)
        if isinstance(error, BaseExceptionGroup):
            todo += error.exceptions
        else:
            flat.append(error)
    ours = [error for error in flat if isinstance(error, OperationFailed | BadInput)]
    return (ours or flat)[0]
