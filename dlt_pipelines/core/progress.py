"""Progress callbacks of a run, and the report at its end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series


class Progress(Protocol):
    """Callbacks of a run; all from one thread, none may block."""

    def requested(self, venue: str, endpoint: Endpoint) -> None:
        """A request is sent (retries and requests for the time too): it costs the endpoint's weight of its budget."""

    def fetched(self, page: Page) -> None:
        """A page arrived."""

    def finished(self, request: PageRequest) -> None:
        """A window of the plan is done, or left to a later run."""

    def finished_file(self, file: ArchiveFile, rows: int) -> None:
        """A file of the archive lane has landed, or was given up (0 rows)."""

    def landed(self, venue: str, pages: int, rows: int) -> None:
        """A batch has landed."""

    def fault(self, venue: str, error: VenueError, wait_seconds: float) -> None:
        """A request failed and will be retried after the wait."""

    def gave_up(self, failure: "Failure") -> None:
        """A series or a venue is left to a later run."""


class Silent:
    """Progress that is not shown."""

    def requested(self, venue: str, endpoint: Endpoint) -> None:
        """Ignore it."""

    def fetched(self, page: Page) -> None:
        """Ignore it."""

    def finished(self, request: PageRequest) -> None:
        """Ignore it."""

    def finished_file(self, file: ArchiveFile, rows: int) -> None:
        """Ignore it."""

    def landed(self, venue: str, pages: int, rows: int) -> None:
        """Ignore it."""

    def fault(self, venue: str, error: VenueError, wait_seconds: float) -> None:
        """Ignore it."""

    def gave_up(self, failure: "Failure") -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be fetched: `subject` is a series, or a venue that is unavailable."""

    subject: str
    kind: str
    message: str


@dataclass
class LandingReport:
    """Pages and records that landed; the keys of `by` are (venue, dataset)."""

    pages: int = 0
    rows: int = 0
    payload_bytes: int = 0
    by: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether everything planned was fetched."""
        return not self.failures

    def add(self, pages: list[Page]) -> None:
        """Count a batch that landed."""
        for page in pages:
            counts = self.by.setdefault((page.series.venue, page.series.dataset), Counter())
            counts.update(pages=1, rows=page.rows)
            self.pages += 1
            self.rows += page.rows
            self.payload_bytes += len(page.payload)

    def add_file(self, series: Series, parts: int, rows: int, text_bytes: int) -> None:
        """Count a file of the archive lane that landed."""
        counts = self.by.setdefault((series.venue, series.dataset), Counter())
        counts.update(pages=parts, rows=rows, files=1)
        self.pages += parts
        self.rows += rows
        self.payload_bytes += text_bytes

    def merge(self, other: "LandingReport") -> None:
        """Add the counts of another part of the same run; durations are not added up."""
        for key, counts in other.by.items():
            self.by.setdefault(key, Counter()).update(counts)
        self.pages += other.pages
        self.rows += other.rows
        self.payload_bytes += other.payload_bytes
        self.faults.update(other.faults)
        self.failures += other.failures
        self.notices += other.notices
