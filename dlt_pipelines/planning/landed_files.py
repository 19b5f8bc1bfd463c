"""Archive files that are in raw: a file that landed is not fetched again for what it lacks."""

from collections.abc import Set
from typing import Any

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.archive import ArchiveFile

_LANDED = "select distinct toString(venue), file_path from merge('raw', '^[a-z0-9]+__archive_[a-z_]+$')"
Landed = Set[tuple[str, str]]


def landed_files(client: Client) -> Landed:
    """(venue, path) and (venue, name) of every file; a venue that lists its files may change their folders."""
    rows: Any = client.query(_LANDED).result_rows
    return frozenset({(venue, text) for venue, path in rows for text in (path, path.rsplit("/", 1)[-1])})


def has_landed(file: ArchiveFile, landed: Landed) -> bool:
    """Whether the file of that period is in raw (replaced_files.py finds those that were replaced since)."""
    return (file.series.venue, file.path or file.name) in landed
