"""A plan: what a run will request, and the least time that takes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.endpoint import SHARE_OF_LIMIT, Budget
from dlt_pipelines.core.page_request import Ask
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.planning.lane_choice import Lane, lane_seconds, most_rows
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
    asks: list[Ask]
    notices: list[str] = field(default_factory=list)
    files: list[ArchiveFile] = field(default_factory=list)
    lane: Lane | None = None
    probes: list[Page] = field(default_factory=list)
    """Pages that planning fetched to find the start of series; the run lands them first."""

    @property
    def calls(self) -> int:
        """Requests, before retries and follow-up pages."""
        return len(self.asks)

    def by_venue(self) -> Mapping[str, list[Ask]]:
        """Requests by venue; empty for a venue of which only `probes` are to land."""
        found: dict[str, list[Ask]] = defaultdict(list)
        for page in self.probes:
            found[page.series.venue] = []
        for ask in self.asks:
            found[ask.series.venue].append(ask)
        return found

    def lines(self) -> list[PlanLine]:
        """The plan in numbers."""
        groups: dict[tuple[str, str, str], list[Ask]] = defaultdict(list)
        for ask in self.asks:
            groups[ask.series.venue, ask.series.dataset, ask.series.market].append(ask)
        return [
            PlanLine("rest", *key, len(asks), sum(ask.endpoint.page_rows for ask in asks), _seconds(asks))
            for key, asks in groups.items()
        ] + self._file_lines()

    def _file_lines(self) -> list[PlanLine]:
        groups: dict[tuple[str, str, str], list[ArchiveFile]] = defaultdict(list)
        for file in self.files:
            groups[file.series.venue, file.series.dataset, file.series.market].append(file)
        return [
            PlanLine("archive", *key, len(files), sum(map(most_rows, files)), lane_seconds(files))
            for key, files in groups.items()
        ]

    def minimum_seconds(self) -> float:
        """Least time for everything: venues and lanes run concurrently, and so do budgets within a venue."""
        return max(_seconds(self.asks), lane_seconds(self.files))


def _seconds(asks: list[Ask]) -> float:
    weights: dict[Budget, float] = defaultdict(float)
    for ask in asks:
        weights[ask.endpoint.budget] += ask.endpoint.weight
    return max((weight / (budget.per_second * SHARE_OF_LIMIT) for budget, weight in weights.items()), default=0.0)
