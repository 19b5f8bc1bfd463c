"""The instruments that the live views may have: those of the newest snapshot, and those with live rows."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from alphaforge_data import names
from alphaforge_data.catalog import LATEST, Catalog
from alphaforge_data.errors import BadRequest, UnknownSnapshot
from alphaforge_data.names import Known, Market, Names

LIVE_TIMEFRAME = "1m"
_WHERE = "the warehouse"
# What no snapshot has: instruments that were listed since, or series that are collected since.
_LIVE = (
    "select distinct instrument_id, timeframe from marts.v_bars_live where is_provisional "
    "union distinct select distinct instrument_id, '' from marts.v_quotes_live"
)


class LiveNames:
    """Resolves names for the live views, whose rows belong to no snapshot."""

    def __init__(self, query: Callable[[str, Mapping[str, Any]], pa.Table], catalog: Catalog):
        self._query, self._catalog = query, catalog
        self._known = Known((), _WHERE)
        self._timeframes: dict[str, set[str]] = {}

    def ids(
        self, symbol: Names | None, venue: Names | None, market: Market, instruments: Names | None, timeframe: str = ""
    ) -> list[str]:
        """Instrument ids, in any spelling that Client accepts. `timeframe`: for bars.

        Raises BadRequest with the nearest choices for an instrument that neither the newest snapshot nor the live feed
        has, and for a timeframe that an instrument has no bars of. In an empty warehouse any id is taken as written.
        """
        symbol, venue, instruments = names.listed(symbol), names.listed(venue), names.listed(instruments)
        names.check_arguments(symbol, instruments, venue, market)
        # What is known first: a name that it lacks may be newer. The live views are asked last, as they are slow.
        for look in (None, self._look_at_snapshot, self._look_at_live_rows):
            if look is not None:
                look()
            if self._known.ids:
                with contextlib.suppress(BadRequest):
                    return self._chosen(symbol, venue, market, instruments, timeframe)
        if not self._known.ids:
            return written(symbol, venue, market, instruments)
        return self._chosen(symbol, venue, market, instruments, timeframe)

    def require_bars(self, instruments: Iterable[str], timeframe: str) -> None:
        """Raise BadRequest for an instrument that is listed, but of which there are no bars."""
        for one in instruments:
            if timeframe not in self._timeframes.get(one, ()):
                self._look_at_live_rows()
            if timeframe not in self._timeframes.get(one, ()) and self._known.ids:
                held = sorted(name for name, frames in self._timeframes.items() if timeframe in frames)
                raise BadRequest(
                    f"There are no {timeframe} bars of {one!r}, neither in the newest snapshot nor live; there are of: "
                    f"{', '.join(held[:8]) or 'nothing'}{' and more' if len(held) > 8 else ''}."
                )

    def _chosen(
        self, symbol: Names | None, venue: Names | None, market: Market, instruments: Names | None, timeframe: str
    ) -> list[str]:
        ids = self._known.chosen(symbol, instruments, venue, market)
        for one in ids:
            held = self._timeframes.get(one, set()) | {LIVE_TIMEFRAME}
            if timeframe and timeframe not in held:
                raise BadRequest(
                    f"timeframe is {timeframe!r}; {one} has bars of: {', '.join(sorted(held))}. Client.bars resamples."
                )
        return ids

    def _look_at_snapshot(self) -> None:
        try:
            newest = self._catalog.get(LATEST)
        except UnknownSnapshot:
            return
        manifest = self._catalog.manifest(newest)
        for _, instrument, timeframe in manifest.series("bars"):
            self._timeframes.setdefault(instrument, set()).add(timeframe)
        self._known = Known(manifest.instruments.ids, _WHERE)

    def _look_at_live_rows(self) -> None:
        found = self._query(_LIVE, {}).to_pylist()
        for row in found:
            self._timeframes.setdefault(row["instrument_id"], set()).update({row["timeframe"]} - {""})
        self._known = Known({*self._known.ids, *(row["instrument_id"] for row in found)}, _WHERE)


def written(symbol: Names | None, venue: Names | None, market: Market, instruments: Names | None) -> list[str]:
    """Ids as the arguments spell them. Raises BadRequest for arguments that are invalid in any warehouse."""
    names.check_arguments(symbol, instruments, venue, market)
    if instruments is not None:
        return names.several("instruments", instruments)
    kind = names.market(market)
    return [f"{one}:{kind}:{name}" for one in names.several("venue", venue) for name in names.several("symbol", symbol)]
