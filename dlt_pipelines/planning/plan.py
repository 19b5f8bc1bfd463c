"""A plan: what a run will request, and the least time that takes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.endpoint import SHARE_OF_LIMIT, Budget
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.planning.lane_choice import Lane, lane_seconds, max_rows
from warehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One lane, venue, dataset and market: calls or files, their maximum rows, seconds at the venue's limit."""

    lane: str
    venue: str
    dataset: str
    market: str
    calls: int
    rows: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Requests of all venues, oldest first within a series. `notices` are messages for the user."""

    settings: Settings
    requests: list[PageRequest]
    notices: list[str] = field(default_factory=list)
    files: list[ArchiveFile] = field(default_factory=list)
    lane: Lane | None = None
    probes: list[Page] = field(default_factory=list)
    """Pages that planning fetched to find the start of series; the run lands them first."""

    @property
    def calls(self) -> int:
        """Requests, before retries and follow-up pages."""
        return len(self.requests)

    def by_venue(self) -> Mapping[str, list[PageRequest]]:
        """Requests by venue; empty for a venue of which only `probes` are to land."""
        found: dict[str, list[PageRequest]] = defaultdict(list)
        for page in self.probes:
            found[page.series.venue] = []
        for request in self.requests:
            found[request.series.venue].append(request)
        return found

    def lines(self) -> list[PlanLine]:
        """The plan in numbers."""
        groups: dict[tuple[str, str, str], list[PageRequest]] = defaultdict(list)
        for request in self.requests:
            groups[request.series.venue, request.series.dataset, request.series.market].append(request)
        return [
            PlanLine(
                "rest", *key, len(requests), sum(request.endpoint.page_rows for request in requests), _seconds(requests)
            )
            for key, requests in groups.items()
        ] + self._file_lines()

    def _file_lines(self) -> list[PlanLine]:
        groups: dict[tuple[str, str, str], list[ArchiveFile]] = defaultdict(list)
        for file in self.files:
            groups[file.series.venue, file.series.dataset, file.series.market].append(file)
        return [
            PlanLine("archive", *key, len(files), sum(map(max_rows, files)), lane_seconds(files))
            for key, files in groups.items()
        ]

    def minimum_seconds(self) -> float:
        """Least time for everything: venues and lanes run concurrently, and so do budgets within a venue."""
        return max(_seconds(self.requests), lane_seconds(self.files))


def _seconds(requests: list[PageRequest]) -> float:
    weights: dict[Budget, float] = defaultdict(float)
    for request in requests:
        weights[request.endpoint.budget] += request.endpoint.weight
    return max((weight / (budget.per_second * SHARE_OF_LIMIT) for budget, weight in weights.items()), default=0.0)
