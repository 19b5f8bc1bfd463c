"""Chooses the fastest lane for each window.

The time of REST follows from its rate limits. The time of a file follows from round trips, size, and its share of the
call that lists files. Both are estimates for a machine near the venue with 25 MB/s; the choice is not sensitive to it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from dlt_pipelines.core.archive import Archive, ArchiveFile, FileListing
from dlt_pipelines.core.archive_periods import DAY_MS, periods
from dlt_pipelines.core.endpoint import SHARE_OF_LIMIT
from dlt_pipelines.core.intervals import Windows, merge, subtract
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES, from_ms
from dlt_pipelines.core.venue import Venue
from dlt_pipelines.planning.landed_files import Landed, has_landed
from dlt_pipelines.planning.page_requests import window_requests
from dlt_pipelines.venues import ARCHIVES, VENUES
from warehouse.errors import BadInput

Lane = Literal["auto", "rest", "archive"]
LANES: tuple[Lane, ...] = ("auto", "rest", "archive")

# Two round trips of a third of a second, four files at once; 30 compressed bytes per row.
_FILE_SECONDS = 0.17
_BYTES_PER_ROW, _BYTES_PER_SECOND = 30, 25_000_000
# One day less than the venue serves is requested: time passes between a plan and its requests.
_REACH_MARGIN_MS = DAY_MS


@dataclass
class Choice:
    """Files to land, and windows not to request from REST: files have them, or REST no longer does."""

    files: list[ArchiveFile] = field(default_factory=list)
    not_rest: Windows = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def parse_lane(text: str) -> Lane:
    """The lane of that name; raises BadInput."""
    for lane in LANES:
        if text == lane:
            return lane
    raise BadInput(f"--lane is {text!r}; it must be one of {', '.join(LANES)}.")


def choose(
    lane: Lane | None,
    venue: Venue,
    series: Series,
    span: tuple[int, int],
    done: Windows,
    now: int,
    landed: Landed = frozenset(),
) -> Choice:
    """Divide what is missing of a series between the lanes. What a landed file lacks is left to REST."""
    archive = ARCHIVES.get(series.venue)
    start, end = span
    choice = Choice()
    if lane is None:
        return choice
    reach = rest_reach(series, now)
    if lane != "rest" and archive is not None and archive.spans(series):
        for hole in subtract(start, end, done):
            choice.files += _files(lane, archive, venue, series, hole, now, reach, landed)
        choice.files = list(dict.fromkeys(choice.files))
        choice.not_rest = [(file.start, file.end) for file in choice.files]
    if lane == "archive":
        choice.not_rest = [(start, end)] if start < end else []
        if archive is not None and landed:
            left = subtract(start, end, merge([*done, *_windows(choice)]))
            choice.notices += _lacking(archive, series, left, landed, "--lane auto requests it from REST, and ")
    elif start < reach:
        choice.not_rest.append((start, reach))
        if archive is not None and landed:
            left = subtract(start, min(reach, end), merge([*done, *_windows(choice)]))
            choice.notices += _lacking(archive, series, left, landed, "REST no longer has it; ")
        if lane == "rest" and subtract(start, min(reach, end), done):
            choice.notices.append(
                f"{series}: REST has nothing before {from_ms(reach):%Y-%m-%d}, so that part is not requested; "
                "the archive has it (--lane auto)."
            )
    return choice


def rest_reach(series: Series, now: int) -> int:
    """The oldest time that REST still serves; 0 if it serves everything."""
    reach = VENUES[series.venue].endpoint(series, 0, now).reach_ms
    return now - reach + _REACH_MARGIN_MS if reach else 0


def file_seconds(file: ArchiveFile) -> float:
    """Seconds that a file adds to its lane, with four downloads at a time."""
    return _FILE_SECONDS + max_rows(file) * _BYTES_PER_ROW / _BYTES_PER_SECOND


def lane_seconds(files: Sequence[ArchiveFile]) -> float:
    """Seconds for many files: venues run concurrently, calls that list files one after the other."""
    by_venue: dict[str, list[ArchiveFile]] = defaultdict(list)
    for file in files:
        by_venue[file.series.venue].append(file)
    return max(
        (sum(map(file_seconds, some)) + _listing_seconds(ARCHIVES[venue], some) for venue, some in by_venue.items()),
        default=0.0,
    )


def max_rows(file: ArchiveFile) -> int:
    """Rows of a file without holes."""
    return _rows(file.series, file.end - file.start)


def _files(
    lane: Lane,
    archive: Archive,
    venue: Venue,
    series: Series,
    hole: tuple[int, int],
    now: int,
    reach: int,
    landed: Landed,
) -> list[ArchiveFile]:
    """Files that fill a hole faster than REST; in lane archive, and where REST no longer serves, all there are."""
    found: list[ArchiveFile] = []
    left = [hole]
    held: Windows = []
    rest_speed = _rest_seconds(venue, series, hole, now) / (hole[1] - hole[0])
    for span in archive.spans(series):
        published = [
            (archive.file(series, span, label, start, end), min(end, piece[1]) - max(start, piece[0]))
            for piece in left
            for label, start, end in periods(span, *piece, archive.calendar_ms)
            if archive.published(span, end) <= now
        ]
        held += [(file.start, file.end) for file, _ in published if has_landed(file, landed)]
        candidates = [(file, missing) for file, missing in published if not has_landed(file, landed)]
        together = min(len(candidates), archive.listing.periods_per_call[span]) if archive.listing else 1
        taken = [
            file
            for file, missing in candidates
            # A daily file may have hours that a landed monthly file lacks, but hardly ever just a few minutes.
            if (lane == "archive" and (2 * missing >= file.end - file.start or not _within(file, held)))
            or file.start < reach
            or (
                archive.complete(series)
                and 2 * missing >= file.end - file.start
                and _cost(archive, file, together) < missing * rest_speed
            )
        ]
        found += taken
        windows = [(file.start, file.end) for file in taken]
        left = [part for piece in left for part in subtract(*piece, windows)]
    return sorted(found, key=lambda file: file.start)


def _within(file: ArchiveFile, windows: Windows) -> bool:
    return any(start <= file.start and file.end <= end for start, end in windows)


def _windows(choice: Choice) -> Windows:
    return [(file.start, file.end) for file in choice.files]


def _lacking(archive: Archive, series: Series, holes: Windows, landed: Landed, remedy: str) -> list[str]:
    """A notice for each landed file that does not cover all of its period."""
    return [
        f"{file.name} has landed and {lacks(series, subtract(start, end, _outside(holes, start, end)))}: "
        f"{remedy}--recheck lands the file again once the venue has replaced it."
        for span in archive.spans(series)
        for label, start, end in sorted(
            {one for hole in holes for one in periods(span, *hole, archive.calendar_ms)}, key=lambda one: one[1]
        )
        if has_landed(file := archive.file(series, span, label, start, end), landed)
    ]


def _outside(holes: Windows, start: int, end: int) -> Windows:
    return subtract(start, end, holes)


def lacks(series: Series, holes: Windows) -> str:
    """Readable text of what is missing: `lacks 33,120 bars (2024-11-08T00:00 .. 2024-12-01T00:00)`."""
    shown = ", ".join(f"{from_ms(start):%Y-%m-%dT%H:%M} .. {from_ms(end):%Y-%m-%dT%H:%M}" for start, end in holes[:3])
    shown += " …" if len(holes) > 3 else ""
    if series.dataset != "bars":
        return f"lacks payments ({shown})"
    bars = sum(end - start for start, end in holes) // TIMEFRAMES[series.timeframe]
    return f"lacks {bars:,} bars ({shown})"


def _cost(archive: Archive, file: ArchiveFile, listed_together: int) -> float:
    listing = archive.listing
    return file_seconds(file) + (_call_seconds(listing) / listed_together if listing else 0.0)


def _listing_seconds(archive: Archive, files: Sequence[ArchiveFile]) -> float:
    listing = archive.listing
    return len(listing.calls(files)) * _call_seconds(listing) if listing else 0.0


def _call_seconds(listing: FileListing) -> float:
    return listing.endpoint.weight / (listing.endpoint.budget.per_second * SHARE_OF_LIMIT)


def _rest_seconds(venue: Venue, series: Series, piece: tuple[int, int], now: int) -> float:
    return sum(
        request.endpoint.weight / (request.endpoint.budget.per_second * SHARE_OF_LIMIT)
        for request in window_requests(venue, series, piece, [], now)
    )


def _rows(series: Series, length_ms: int) -> int:
    return length_ms // TIMEFRAMES.get(series.timeframe, DAY_MS // 3)
