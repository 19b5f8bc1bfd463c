"""Filters that narrow the universe to the series of one command."""

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
    everything = universe.series()
    for name, plural in _FIELDS.items():
        allowed = list(dict.fromkeys(value for s in everything if (value := getattr(s, name))))
        for value in getattr(selection, plural):
            if value not in allowed:
                raise BadInput(
                    f"{name} {value!r} is not in the universe; allowed are {', '.join(allowed)}. "
                    "Add it to the universe file to land it."
                )
    chosen = [series for series in everything if _passes(series, selection)]
    if not chosen:
        filters = " ".join(
            f"--{name} {value}" for name, plural in _FIELDS.items() for value in getattr(selection, plural)
        )
        raise BadInput(f"Nothing in the universe matches {filters} together; drop one of them.")
    return chosen


def _passes(series: Series, selection: Selection) -> bool:
    for name, plural in _FIELDS.items():
        wanted, value = getattr(selection, plural), getattr(series, name)
        if not wanted or value in wanted:
            continue
        if value or series.dataset not in selection.datasets:
            return False
    return True
