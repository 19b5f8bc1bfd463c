"""Real recordings, served as they were sent.

The folder is read lazily: a series is parsed when it is first requested, and cached. Values that a recording lacks are
None; bars that were still open when recorded are served only as the open bar, while the clock is inside them.
"""

from pathlib import Path

from replay.market import (
    TIMEFRAMES,
    Bar,
    Coverage,
    Funding,
    Record,
    Sentiment,
    Series,
    bars_between,
)
from replay.recordings import catalog, funding, instruments, sentiment
from replay.recordings.series import RecordedSeries, read_series

_FAR = 1 << 62


class RecordedMarket:
    """The recordings in a folder with the layout of `catalog.py`; raises FileNotFoundError if it does not exist."""

    name = "recordings"

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"no folder at {self.folder}: give the one with binance/, okx/, bybit/ …")
        self._series: dict[tuple[str, str, str, str], RecordedSeries] = {}
        self._funding: dict[tuple[str, str], list[Funding]] = {}
        self._instruments: dict[tuple[str, str], tuple[Record, list[Record]]] = {}
        self._symbols: dict[tuple[str, str], dict[str, str]] = {}
        self._sentiment: list[Sentiment] | None = None

    def symbols(self, venue: str, market: str) -> dict[str, str]:
        """Canonical symbol by venue symbol: all recorded instruments, and all symbols with data."""
        if (venue, market) not in self._symbols:
            found = instruments.symbols(venue, market, self.instruments(venue, market))
            found |= catalog.symbols(venue, market)
            self._symbols[venue, market] = found
        return self._symbols[venue, market]

    def series(self, venue: str, market: str, symbol: str, timeframe: str) -> Series | None:
        """The bars of a symbol; None if no file has any of this timeframe."""
        key = (venue, market, symbol, timeframe)
        if key not in self._series:
            files = [f for f in catalog.BARS if f.key == key and (self.folder / f.path).is_file()]
            if not files:
                return None
            self._series[key] = read_series(self.folder, files, TIMEFRAMES[timeframe])
        return self._series[key]

    def bars(self, venue: str, market: str, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> list[Bar]:
        """Closed bars with start_ms <= open_time < end_ms, ascending."""
        return bars_between(self.series(venue, market, symbol, timeframe), start_ms, end_ms)

    def funding(self, venue: str, symbol: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Funding events of all files of the symbol with start_ms <= time < end_ms, ascending."""
        key = (venue, symbol)
        if key not in self._funding:
            files = [f for f in catalog.FUNDING if f.key == key and (self.folder / f.path).is_file()]
            self._funding[key] = funding.merged(self.folder, files)
        return [event for event in self._funding[key] if start_ms <= event.time < end_ms]

    def funding_info(self, venue: str) -> list[Record]:
        """Empty: it was not recorded."""
        return []

    def instruments(self, venue: str, market: str) -> list[Record]:
        """The newest record of every instrument."""
        return self._instrument_files(venue, market)[1]

    def instrument_envelope(self, venue: str, market: str) -> Record:
        """What Binance sent around its symbols."""
        return self._instrument_files(venue, market)[0]

    def fear_greed(self) -> list[Sentiment]:
        """All recorded days, ascending."""
        if self._sentiment is None:
            self._sentiment = sentiment.days(self.folder)
        return self._sentiment

    def skipped(self) -> dict[str, str]:
        """Files of the folder that are not served, with the reason."""
        there = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {path.as_posix(): why for path in sorted(there) if (why := catalog.why_skipped(path))}

    def coverage(self) -> list[Coverage]:
        """Everything that is served; for bars the closed ones, with one entry for every range without a gap of a day.

        Reads all files, which takes some seconds when cold.
        """
        found: list[Coverage] = []
        for key in dict.fromkeys(file.key for file in catalog.BARS):
            venue, market, symbol, timeframe = key
            series = self.series(*key)
            if isinstance(series, RecordedSeries):
                found += [Coverage(venue, market, symbol, "bars", timeframe, *run) for run in series.runs()]
        for venue, symbol in dict.fromkeys(file.key for file in catalog.FUNDING):
            events = self.funding(venue, symbol, 0, _FAR)
            if events:
                times = (events[0].time, events[-1].time)
                found.append(Coverage(venue, "perp", symbol, "funding", None, *times, len(events)))
        for venue, market in catalog.INSTRUMENTS:
            records = self.instruments(venue, market)
            if records:
                found.append(Coverage(venue, market, None, "instruments", None, None, None, len(records)))
        days = self.fear_greed()
        if days:
            times = (days[0].time, days[-1].time)
            found.append(Coverage("alternative_me", None, None, "fear_greed", "1d", *times, len(days)))
        return found

    def _instrument_files(self, venue: str, market: str) -> tuple[Record, list[Record]]:
        key = (venue, market)
        if key not in self._instruments:
            self._instruments[key] = instruments.read(self.folder, catalog.INSTRUMENTS.get(key, ()))
        return self._instruments[key]
