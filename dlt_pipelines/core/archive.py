"""Archive files and the protocol of a venue's archive. Times: milliseconds since 1970, UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.series import Series

Span = Literal["monthly", "daily"]
Check = Literal["sha256_beside", "md5_header"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a file. `headers` are the known header rows; `header_required` files must begin with one of them."""

    columns: int
    time_column: int
    headers: tuple[bytes, ...]
    header_required: bool = False
    microseconds: bool = False
    """Whether times may be in microseconds: decided by their magnitude, file by file."""
    instrument_column: int | None = None
    """The column in which each row names its instrument."""
    slack_ms: int = 0
    """How far a row's time may lie outside the period: funding times are some ms or seconds late."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of a series. `path` is empty until it is read from the venue's list of files."""

    series: Series
    venue_symbol: str
    table: str
    span: Span
    name: str
    start: int
    end: int
    layout: Layout
    path: str = ""

    @property
    def member(self) -> str:
        """The one file inside the zip."""
        return self.name.removesuffix(".zip") + ".csv"

    @property
    def folder(self) -> str:
        """Path without the name."""
        return self.path.rsplit("/", 1)[0]


class FileListing(Protocol):
    """An API of the venue that lists the files of its archive."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the list is requested, with its rate limit."""

    @property
    def periods_per_call(self) -> Mapping[Span, int]:
        """Maximum number of months or days that one call lists."""

    def calls(self, files: Sequence[ArchiveFile]) -> list[list[ArchiveFile]]:
        """The files in groups, each of which one call can list."""

    def params(self, files: Sequence[ArchiveFile]) -> dict[str, str]:
        """Query parameters of the call for one group."""

    def read(self, body: Any) -> dict[str, str]:
        """Path by name of every file in a decoded response; files on other hosts are left out."""


class Archive(Protocol):
    """Everything specific to one venue's archive of bulk files."""

    @property
    def origin(self) -> str:
        """The attribute of Settings that overrides the archive's address."""

    @property
    def address(self) -> str:
        """The address of the real archive, without a path."""

    @property
    def check(self) -> Check:
        """How a download is verified to be what the venue published."""

    @property
    def calendar_ms(self) -> int:
        """How far ahead of UTC its months and days begin."""

    @property
    def listing(self) -> "FileListing | None":
        """The API that lists the files' paths; None if a path follows from the file's name."""

    def complete(self, series: Series) -> bool:
        """Whether files have every value that REST has; if not, lane `auto` prefers REST as far back as REST serves."""

    def spans(self, series: Series) -> tuple[Span, ...]:
        """Kinds of files that the archive has for a series, longest first; empty if it has none."""

    def published(self, span: Span, end: int) -> int:
        """The latest time at which a file whose period ends at `end` is published."""

    def file(self, series: Series, span: Span, label: str, start: int, end: int) -> ArchiveFile:
        """The file of a period, `label` being 2025-01 or 2025-01-31."""
