"""The content of a snapshot by month: which series exist, their number of rows, and their hashes."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache

import pyarrow as pa

from alphaforge_data import timeframes
from alphaforge_data.names import Known

QUERY = (
    "select dataset, instrument_id, timeframe, month, row_count, content_hash "
    "from marts.v_snapshot_manifest_at(snapshot_id = {snapshot_id:String}) "
    "order by dataset, instrument_id, timeframe, month"
)


@dataclass(frozen=True)
class Month:
    """One calendar month of one series. `start`, `end`: milliseconds since 1970; `content`: the published hash."""

    start: int
    end: int
    rows: int
    content: str


class Manifest:
    """The manifest of one snapshot, from v_snapshot_manifest_at."""

    def __init__(self, table: pa.Table, snapshot_id: str):
        self.table = table
        self._snapshot_id = snapshot_id

    @cached_property
    def _months(self) -> Mapping[tuple[str, str, str], Sequence[Month]]:
        found: dict[tuple[str, str, str], list[Month]] = defaultdict(list)
        for row in self.table.to_pylist():
            first, last = _bounds(row["month"])
            key = row["dataset"], row["instrument_id"], row["timeframe"]
            found[key].append(Month(first, last, int(row["row_count"]), row["content_hash"]))
        return found

    @cached_property
    def instruments(self) -> Known:
        """Every instrument for which the snapshot has metadata, bars or funding."""
        return Known({instrument for _, instrument, _ in self._months if instrument}, f"snapshot {self._snapshot_id!r}")

    def months(self, dataset: str, instrument: str = "", timeframe: str = "") -> Sequence[Month]:
        """The months of a series that have rows, oldest first."""
        return self._months.get((dataset, instrument, timeframe), ())

    def timeframes(self, instrument: str) -> dict[str, int]:
        """The stored timeframes of an instrument's bars, with their lengths in milliseconds, shortest first."""
        names = [frame for dataset, one, frame in self._months if dataset == "bars" and one == instrument]
        return dict(sorted(((name, timeframes.length(name)) for name in names), key=lambda entry: entry[1]))

    def series(self, dataset: str | None = None) -> list[tuple[str, str, str]]:
        """(dataset, instrument_id, timeframe) of all series; instruments and Fear & Greed have no timeframe."""
        return sorted(key for key in self._months if dataset in (None, key[0]))

    def rows(self, dataset: str, instrument: str = "", timeframe: str = "") -> int:
        """Rows of a series."""
        return sum(month.rows for month in self.months(dataset, instrument, timeframe))

    def content(self, dataset: str, instrument: str | None = None, timeframe: str = "") -> str:
        """Digest of a series, or of a dataset (`instrument` None): equal content has an equal digest on any server."""
        digest = hashlib.sha256()
        for key in self.series(dataset):
            if instrument is None or key[1:] == (instrument, timeframe):
                for month in self._months[key]:
                    digest.update(f"{key} {month.start} {month.rows} {month.content}\n".encode())
        return digest.hexdigest()


@lru_cache(1024)
def _bounds(month: date) -> tuple[int, int]:
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    first, last = (datetime(day.year, day.month, 1, tzinfo=UTC) for day in (month, following))
    return int(first.timestamp()) * 1000, int(last.timestamp()) * 1000
