"""Corrects coverage that older versions recorded without proof: pages that a venue had capped, files with missing days.

Such pages have no `proof`. Each is checked once: what it really proves goes to ops.corrected_claims, which replaces its
window in ops.coverage. Raw and every published snapshot stay as they are. What is no longer covered is missing, and is
requested like anything else that is missing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

import orjson
from clickhouse_connect.driver.client import Client

from dlt_pipelines.archive.csv_check import check_csv
from dlt_pipelines.archive.proof import stretches
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.errors import UnknownFormat, VenueError
from dlt_pipelines.core.intervals import Windows, merge, subtract
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES, ceil_to, floor_to, from_ms
from dlt_pipelines.planning import coverage
from dlt_pipelines.rest.paging import FUNDING_SETTLES_MS, Piece, divide
from dlt_pipelines.venues import ARCHIVES, VENUES

_DATASET = "if(endsWith(_table, 'funding'), 'funding', 'bars')"
_SERIES = f"""{_DATASET} as dataset, toString(venue), toString(market), toString(symbol), toString(timeframe)"""
_WINDOW = """toUnixTimestamp64Milli(assumeNotNull(window_start)) as start_ms,
    toUnixTimestamp64Milli(assumeNotNull(window_end)) as end_ms"""
_OLD = """proof = '' and isNotNull(window_start) and isNotNull(window_end)
    and page_id not in (select page_id from ops.corrected_claims)
    and (venue, market, symbol, timeframe) in {series:Array(Tuple(String, String, String, String))}"""
_REST = "merge('raw', '^[a-z0-9]+__[a-z0-9]+_(klines|candles|funding)$')"
_ARCHIVE = "merge('raw', '^[a-z0-9]+__archive_[a-z_]+$')"

# A page with a row for every bar of its window is proven; funding has no such number of rows.
_SHORT_PAGES = f"""
select page_id, {_SERIES}, {_WINDOW}, payload
from {_REST}
where {_OLD} and lane = 'rest' and row_count > 0 and start_ms < end_ms
    and (dataset = 'funding' or row_count < intDiv(
        end_ms - start_ms,
        transform(toString(timeframe), {{frames:Array(String)}}, {{steps:Array(Int64)}}, toInt64(60000))))
"""  # noqa: S608 - constants only
_FILES = f"""
select distinct {_SERIES}, {_WINDOW}, file_path, toString(fetched_at)
from {_ARCHIVE}
where {_OLD}
"""  # noqa: S608 - constants only
_PARTS = f"""
select page_id, payload from {_ARCHIVE}
where file_path = {{path:String}} and toString(fetched_at) = {{fetched:String}} and proof = ''
order by part limit 1 by part
"""  # noqa: S608 - constants only
_CORRECTED = f"""
select distinct {_SERIES}, {_WINDOW} from {{pages}}
where proof = '' and isNotNull(window_start) and page_id in (select page_id from ops.corrected_claims)
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Correction:
    """What a page claimed and what it proves, in ms since 1970."""

    page_id: UUID
    series: Series
    claimed: tuple[int, int]
    proven: Windows


def review(client: Client, series: Sequence[Series], record: bool) -> tuple[dict[Series, Windows], list[str]]:
    """Check what older versions claimed. Returns the windows that are not covered any more, and notices for the user.

    Without `record` nothing is written, and the same pages are checked again the next time.
    """
    wanted = {one for one in series if one.windowed}
    parameters = {
        "series": sorted({(one.venue, one.market, one.symbol, one.timeframe) for one in wanted}),
        "frames": list(TIMEFRAMES),
        "steps": list(TIMEFRAMES.values()),
    }
    found = [*_pages(client, parameters), *_files(client, parameters)]
    if record and found:
        _record(client, found)
    claimed: dict[Series, Windows] = defaultdict(list)
    for one in found:
        claimed[one.series].append(one.claimed)
    for pages in (_REST, _ARCHIVE):
        for *key, start, end in client.query(_CORRECTED.format(pages=pages)).result_rows:
            claimed[Series(*key)].append((start, end))
    done = coverage.covered(client, series)
    # Without `record` the coverage still includes the old claims.
    unproven = {} if record else _unproven(found)
    missing = {}
    for one_series, windows in claimed.items():
        if one_series not in wanted:
            continue
        covered = _without(done.get(one_series, []), unproven.get(one_series, []))
        if holes := requestable(one_series, [hole for window in merge(windows) for hole in subtract(*window, covered)]):
            missing[one_series] = holes
    return missing, [_notice(one, windows) for one, windows in sorted(missing.items())]


def requestable(series: Series, holes: Windows) -> Windows:
    """The holes that the planner requests: it aligns windows to bars, or for funding to minutes.

    Funding times are some ms after the minute, so claims that meet at a payment leave holes of less than a minute.
    """
    step = TIMEFRAMES.get(series.timeframe, MINUTE_MS)
    return [(start, end) for start, end in holes if ceil_to(start, step) < floor_to(end, step)]


def _pages(client: Client, parameters: dict[str, Any]) -> Iterator[Correction]:
    with client.query_rows_stream(_SHORT_PAGES, parameters=parameters) as rows:
        for page_id, *key, start, end, payload in rows:
            yield correction(page_id, Series(*key), (start, end), payload)


def correction(page_id: UUID, series: Series, claimed: tuple[int, int], payload: str) -> Correction:
    """What a stored page proves: nothing if the current code does not accept it, so that its window is requested."""
    start, end = claimed
    venue = VENUES[series.venue]
    try:
        body = orjson.loads(payload)
        venue.check(200, body)
        answer = venue.read(series, body)
    except (VenueError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return Correction(page_id, series, claimed, [])
    endpoint = replace(venue.endpoint(series, start, end), reach_ms=0)
    (begins, ends), _ = divide(series, endpoint, answer, Piece(start, end), end + FUNDING_SETTLES_MS)
    return Correction(page_id, series, claimed, [(begins, ends)] if begins < ends else [])


def _files(client: Client, parameters: dict[str, Any]) -> Iterator[Correction]:
    for *key, start, end, path, fetched in client.query(_FILES, parameters=parameters).result_rows:
        series = Series(*key)
        archive = ARCHIVES[series.venue]
        span = next(span for span in archive.spans(series) if f"/{span}/" in path)
        file = replace(archive.file(series, span, "", start, end), name=path.rsplit("/", 1)[-1], path=path)
        parts = client.query(_PARTS, parameters={"path": path, "fetched": fetched}).result_rows
        yield from _file(file, parts)


def _file(file: ArchiveFile, parts: Sequence[Sequence[Any]]) -> Iterator[Correction]:
    period = (file.start, file.end)
    lines = [payload.count("\n") for _, payload in parts]
    try:
        csv = check_csv(file, "".join(payload for _, payload in parts).encode())
    except UnknownFormat:
        yield from (Correction(page_id, file.series, period, []) for page_id, _ in parts)
        return
    times = csv.times
    proven = merge(
        [one.window for one in stretches(file.series, period, times, csv.conflict_times) if one.window is not None]
    )
    if (times[1:] < times[:-1]).any():
        yield from (Correction(page_id, file.series, period, proven) for page_id, _ in parts)
        return
    lines[0] -= 1 if csv.header else 0
    firsts = [sum(lines[:number]) for number in range(len(lines))]
    borders = [file.start, *(int(times[first]) for first in firsts[1:]), file.end]
    for (page_id, _), (start, end) in zip(parts, pairwise(borders), strict=True):
        yield Correction(page_id, file.series, period, subtract(start, end, subtract(start, end, proven)))


def _unproven(found: Sequence[Correction]) -> dict[Series, Windows]:
    claimed: dict[Series, Windows] = defaultdict(list)
    proven: dict[Series, Windows] = defaultdict(list)
    for one in found:
        claimed[one.series].append(one.claimed)
        proven[one.series] += one.proven
    return {series: _without(merge(windows), merge(proven[series])) for series, windows in claimed.items()}


def _record(client: Client, found: Sequence[Correction]) -> None:
    rows: list[list[Any]] = []
    for one in found:
        windows: list[tuple[Any, Any]] = [(from_ms(start), from_ms(end)) for start, end in one.proven]
        rows += [[one.page_id, *window] for window in windows or [(None, None)]]
    client.insert("ops.corrected_claims", rows, column_names=["page_id", "window_start", "window_end"])


def _without(windows: Windows, taken: Windows) -> Windows:
    return [part for window in windows for part in subtract(*window, taken)]


def _notice(series: Series, holes: Windows) -> str:
    first, last = from_ms(holes[0][0]), from_ms(holes[-1][1])
    places = "1 place" if len(holes) == 1 else f"{len(holes):,} places"
    return (
        f"{series}: pages or files landed by an older version claim time that their rows do not prove, "
        f"in {places} from {first:%Y-%m-%dT%H:%M} to {last:%Y-%m-%dT%H:%M}: requested again."
    )
