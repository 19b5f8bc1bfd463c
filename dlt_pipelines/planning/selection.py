"""Filters that narrow the universe to the series of one command."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from dlt_pipelines.core.series import Series
from dlt_pipelines.planning.universe import Universe
from warehouse.errors import BadInput


@dataclass(frozen=True)
class Selection:
    """Filters; an empty one passes everything.

    A filter on something that a series does not have (such as the symbol of a listing) excludes the series, unless its
    dataset is named.
    """

    datasets: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()


_FIELDS = {
    "dataset": "datasets",
    "venue": "venues",
    "market": "markets",
    "symbol": "symbols",
    "timeframe": "timeframes",
}


def select(universe: Universe, selection: Selection) -> list[Series]:
    """Series of the universe that pass every filter.

    Raises BadInput for a value that is not in the universe, and if nothing passes.
    """
    return select_among(universe.series(), selection, "in the universe")


def select_among(series: Sequence[Series], selection: Selection, place: str) -> list[Series]:
    """Like `select`, of some series of the universe; `place` tells a person which ones these are."""
    for name, plural in _FIELDS.items():
        allowed = list(dict.fromkeys(value for one in series if (value := getattr(one, name))))
        for value in getattr(selection, plural):
            if value not in allowed:
                raise BadInput(
                    f"{name} {value!r} is not {place}; allowed are {', '.join(allowed)}. {_similar(value, allowed)}"
                    "Add it to the universe file to land it."
                )
    chosen = [one for one in series if _passes(one, selection)]
    if not chosen:
        filters = " ".join(
            f"--{name} {value}" for name, plural in _FIELDS.items() for value in getattr(selection, plural)
        )
        raise BadInput(f"Nothing {place} matches {filters} together; drop one of them.")
    return chosen


def _similar(value: str, allowed: Sequence[str]) -> str:
    """`Did you mean …? ` for a slip of the pen, else nothing."""
    folded = {one.casefold(): one for one in allowed}
    near = difflib.get_close_matches(value.casefold(), folded, 1, 0.6)
    return f"Did you mean {folded[near[0]]!r}? " if near else ""


def _passes(series: Series, selection: Selection) -> bool:
    for name, plural in _FIELDS.items():
        wanted, value = getattr(selection, plural), getattr(series, name)
        if not wanted or value in wanted:
            continue
        if value or series.dataset not in selection.datasets:
            return False
    return True
