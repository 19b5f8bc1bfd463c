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
    """Columns of a file. `headers` are the header rows that are known; with `header_required` one must be there."""

    columns: int
    time_column: int
    headers: tuple[bytes, ...]
    header_required: bool = False
    microseconds: bool = False
    """Whether times may be in microseconds: the magnitude decides, file by file."""
    instrument_column: int | None = None
    """Where each row names its instrument."""
    slack_ms: int = 0
    """How far a row's time may lie outside of the period: funding is stamped some ms or seconds late."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of a series. `path` is empty until the venue's listing gave it."""

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
        """Most months or days that one call lists."""

    def calls(self, files: Sequence[ArchiveFile]) -> list[list[ArchiveFile]]:
        """The files in groups, each of which one call can list."""

    def params(self, files: Sequence[ArchiveFile]) -> dict[str, str]:
        """Query parameters of the call for one group."""

    def read(self, body: Any) -> dict[str, str]:
        """Path by name of every file in a decoded answer; files of foreign hosts are left out."""


class Archive(Protocol):
    """Everything that is particular to one venue's archive of bulk files."""

    @property
    def origin(self) -> str:
        """Attribute of Settings that may replace the archive's address."""

    @property
    def address(self) -> str:
        """The real archive, without a path."""

    @property
    def check(self) -> Check:
        """How a download is proven to be what the venue published."""

    @property
    def calendar_ms(self) -> int:
        """How far the calendar of its months and days runs ahead of UTC."""

    @property
    def listing(self) -> "FileListing | None":
        """The API that names the files' paths; None where a path follows from the file's name."""

    def complete(self, series: Series) -> bool:
        """Whether files hold every value that REST has; lane `auto` leaves others to REST as far as it reaches."""

    def spans(self, series: Series) -> tuple[Span, ...]:
        """Kinds of files that the archive has of a series, longest first; empty where it has none."""

    def published(self, span: Span, end: int) -> int:
        """When a file whose period ends at `end` is there at the latest."""

    def file(self, series: Series, span: Span, label: str, start: int, end: int) -> ArchiveFile:
        """The file of a period, `label` being 2025-01 or 2025-01-31."""
