"""Finds landed files that the venue has since replaced in its archive: their digest or ETag has changed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clickhouse_connect.driver.client import Client

from dlt_pipelines.archive.download import Downloader
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.archive_periods import periods
from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.series import Series
from dlt_pipelines.venues import ARCHIVES
from warehouse.settings import Settings

_AT_ONCE = 8
_LANDED = """
select file_path, argMax(file_tag, fetched_at)
from merge('raw', '^[a-z]+__archive_[a-z_]+$')
where (venue, market, symbol, timeframe) in {series:Array(Tuple(String, String, String, String))}
group by file_path
"""


async def replaced_files(
    settings: Settings, client: Client, spans: Mapping[Series, tuple[int, int]]
) -> tuple[list[ArchiveFile], list[str]]:
    """Files of the spans (ms since 1970) to land again, and notices about files that could not be checked."""
    series = [(one.venue, one.market, one.symbol, one.timeframe) for one in spans]
    rows: Any = client.query(_LANDED, parameters={"series": series}).result_rows
    tags: dict[str, str] = dict(rows)
    files = _landed_files(spans, list(tags))
    found: list[ArchiveFile] = []
    notices: list[str] = []
    for venue in sorted({file.series.venue for file in files}):
        archive, gate = ARCHIVES[venue], asyncio.Semaphore(_AT_ONCE)
        async with Downloader(archive, settings.origins.get(archive.origin)) as downloader:

            async def look(
                file: ArchiveFile, gate: asyncio.Semaphore = gate, downloader: Downloader = downloader
            ) -> None:
                async with gate:
                    try:
                        tag = await downloader.tag(file)
                    except VenueError as error:
                        notices.append(f"{file.name} could not be compared with the landed file: {error}")
                        return
                if tag != tags[file.path]:
                    found.append(file)
                    notices.append(f"{file.name} was replaced in the archive: landing it again.")

            await asyncio.gather(*(look(file) for file in files if file.series.venue == venue))
    return sorted(found, key=lambda file: file.path), sorted(notices)


def _landed_files(spans: Mapping[Series, tuple[int, int]], paths: Sequence[str]) -> list[ArchiveFile]:
    """The files of these paths, as their venue names them today."""
    by_name = {path.rsplit("/", 1)[1]: path for path in paths}
    by_path = set(paths)
    files = []
    for series, (start, end) in spans.items():
        archive = ARCHIVES.get(series.venue)
        for span in archive.spans(series) if archive else ():
            assert archive is not None
            for label, first, last in periods(span, start, end, archive.calendar_ms):
                file = archive.file(series, span, label, first, last)
                path = file.path if file.path in by_path else by_name.get(file.name, "") if archive.listing else ""
                if path:
                    files.append(replace(file, path=path))
    return files
