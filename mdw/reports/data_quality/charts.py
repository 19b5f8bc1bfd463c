"""The charts as Plotly figures: plain dictionaries, with colours as names ("@ours") that the page's theme resolves.

Plotly, because it is well maintained, in the environment anyway, zooms, and draws 100 series of 5 years as one image.
Its script is embedded in the page (4.8 MB); the page is rendered before it is loaded.
"""

from base64 import b64encode
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdw.reports.data_quality.data import Coverage, Gap, GapTotal, Revision, Spread

Figure = dict[str, Any]
GAP_NAMES = {
    "not_fetched": "not fetched (ours)",
    "venue_outage": "venue outage",
    "halted": "trading halted",
    "quarantined": "withheld by people",
    "no_trade": "nothing traded",
    "before_listing": "before listing",
    "after_delisting": "after delisting",
}
_GAP_COLORS = {
    "not_fetched": "@ours",
    "venue_outage": "@venue",
    "halted": "@halted",
    "quarantined": "@withheld",
    "no_trade": "@idle2",
    "before_listing": "@idle",
    "after_delisting": "@idle2",
}
_VENUE_COLORS = ("@c1", "@c2", "@c3", "@c4", "@c5")
_GAPS_DRAWN = 1500
_SYMBOLS_DRAWN = 12
_ROW = 17


def coverage(found: Coverage) -> Figure:
    """Heatmap of series by day. The page's script maps days to pixels; the worst day of a pixel wins."""
    height = 70 + _ROW * len(found.labels)
    return {
        "data": [],
        "layout": {
            "height": height,
            "margin": {"l": 200, "r": 10, "t": 8, "b": 40},
            "xaxis": {"type": "date", "side": "bottom", "showgrid": False},
            "yaxis": _series_axis(found.labels),
        },
        "coverage": {
            "labels": list(found.labels),
            "first": found.first_day.isoformat(),
            "days": found.states.shape[1],
            "states": _packed(found.states, np.uint8),
            "bars": _packed(found.bars, np.uint16),
        },
    }


def gap_timeline(totals: tuple[GapTotal, ...]) -> tuple[Figure, int]:
    """Missing ranges on a time axis, one row per series, coloured by class; and the number of ranges shown."""
    longest = sorted((gap for total in totals for gap in total.longest), key=lambda gap: gap.start - gap.end)
    shown = longest[:_GAPS_DRAWN]
    labels = sorted({gap.label for gap in shown})
    span = [_time(min(gap.start for gap in shown)), _time(max(gap.end for gap in shown))]
    traces = [_gap_trace(kind, [gap for gap in shown if gap.kind == kind]) for kind in GAP_NAMES]
    layout = {
        "height": 110 + _ROW * len(labels),
        "margin": {"l": 200, "r": 10, "t": 34, "b": 40},
        "barmode": "overlay",
        "bargap": 0.25,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
        "xaxis": {"type": "date", "range": span},
        "yaxis": _series_axis(tuple(labels)),
    }
    return {"data": [trace for trace in traces if trace["y"]], "layout": layout}, len(shown)


def _gap_trace(kind: str, gaps: list[Gap]) -> dict[str, Any]:
    color = _GAP_COLORS[kind]
    return {
        "type": "bar",
        "orientation": "h",
        "name": GAP_NAMES[kind],
        "y": [gap.label for gap in gaps],
        "base": [_time(gap.start) for gap in gaps],
        "x": [(gap.end - gap.start).total_seconds() * 1000 for gap in gaps],
        "customdata": [[f"{gap.missing:,}", _time(gap.start), _time(gap.end)] for gap in gaps],
        # The outline keeps gaps of minutes visible on an axis of years.
        "marker": {"color": color, "line": {"color": color, "width": 1.5}},
        "hovertemplate": "%{y}<br>%{customdata[1]} to %{customdata[2]} UTC<br>%{customdata[0]} bars<extra>"
        + GAP_NAMES[kind]
        + "</extra>",
    }


def revisions(builds: tuple[Revision, ...]) -> Figure:
    """New and revised bars of each build, on two axes: a revised bar is rare and matters more."""
    names = [build.name for build in builds]
    hover = [f"{build.at:%Y-%m-%d %H:%M} UTC" for build in builds]
    common = {"type": "bar", "x": names, "customdata": hover, "showlegend": False}
    says = "%{x}, %{customdata}<br>%{y:,}"
    return {
        "data": [
            {
                **common,
                "y": [build.new for build in builds],
                "marker": {"color": "@c1"},
                "hovertemplate": says + " new<extra></extra>",
            },
            {
                **common,
                "y": [build.revised for build in builds],
                "yaxis": "y2",
                "marker": {"color": "@venue"},
                "hovertemplate": says + " revised<extra></extra>",
            },
        ],
        "layout": {
            "height": 320,
            "margin": {"l": 70, "r": 10, "t": 10, "b": 50},
            "bargap": 0.35 if len(builds) > 8 else 0.75,
            "xaxis": {"type": "category", "anchor": "y2", "nticks": 12, "tickangle": 0},
            "yaxis": {"domain": [0.56, 1], "title": {"text": "new bars"}, "rangemode": "tozero"},
            "yaxis2": {"domain": [0, 0.44], "title": {"text": "revised"}, "rangemode": "tozero"},
        },
    }


def spread(found: tuple[Spread, ...], bucket: str) -> tuple[Figure, int]:
    """A panel per symbol, a line per venue; and the number of symbols shown (those with the widest spreads)."""
    widest: dict[str, float] = {}
    for item in found:
        widest[item.symbol] = max(widest.get(item.symbol, 0.0), float(item.median.max()))
    symbols = sorted(widest, key=lambda symbol: -widest[symbol])[:_SYMBOLS_DRAWN]
    venues = sorted({item.venue for item in found})
    rows = -(-len(symbols) // 2)
    layout: dict[str, Any] = {
        "height": 60 + 190 * rows,
        "margin": {"l": 60, "r": 10, "t": 40, "b": 40},
        "legend": {"orientation": "h", "y": 1, "yanchor": "top", "yref": "container", "x": 0},
        "annotations": [],
    }
    for number, symbol in enumerate(symbols):
        _panel(layout, number, symbol, rows, single=len(symbols) == 1)
    drawn = [item for item in found if item.symbol in symbols]
    first = {item.venue: item for item in reversed(drawn)}
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": item.venue,
            "legendgroup": item.venue,
            "showlegend": item is first[item.venue],
            "x": [day.isoformat() for day in item.days],
            "y": _packed(item.median, np.float32),
            "customdata": _packed(item.worst, np.float32),
            "xaxis": f"x{symbols.index(item.symbol) + 1}",
            "yaxis": f"y{symbols.index(item.symbol) + 1}",
            "line": {"color": _VENUE_COLORS[venues.index(item.venue) % len(_VENUE_COLORS)], "width": 1.6},
            "hovertemplate": f"{bucket} of %{{x|%Y-%m-%d}}<br>median %{{y:.2f}} bp, worst %{{customdata:.1f}} bp",
        }
        for item in drawn
    ]
    return {"data": traces, "layout": layout}, len(symbols)


def _panel(layout: dict[str, Any], number: int, symbol: str, rows: int, *, single: bool) -> None:
    line, column = divmod(number, 2)
    height = 1 / rows
    top = 1 - line * height
    left, right = (0.0, 1.0) if single else ((0.0, 0.47) if column == 0 else (0.53, 1.0))
    low, high = top - height * 0.72, top - height * 0.1
    axis = number + 1
    layout[f"xaxis{axis}"] = {"type": "date", "domain": [left, right], "anchor": f"y{axis}"}
    layout[f"yaxis{axis}"] = {"domain": [low, high], "anchor": f"x{axis}", "rangemode": "tozero", "ticksuffix": " bp"}
    layout["annotations"].append(
        {
            "text": f"<b>{symbol}</b>",
            "x": left,
            "y": high + height * 0.01,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
        }
    )


def _series_axis(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(labels),
        "range": [len(labels) - 0.5, -0.5],
        "tickmode": "array",
        "tickvals": list(labels),
        "tickfont": {"size": 11},
        "fixedrange": True,
        "showgrid": False,
        "automargin": False,
    }


def _packed(values: NDArray[Any], kind: type[np.generic]) -> dict[str, object]:
    """A typed array as Plotly reads it: base64 instead of text digits."""
    array = np.ascontiguousarray(values, dtype=kind)
    names = {"uint8": "u1", "uint16": "u2", "float32": "f4"}
    shape = {"shape": ", ".join(str(size) for size in array.shape)} if array.ndim > 1 else {}
    return {"dtype": names[array.dtype.name], "bdata": b64encode(array.tobytes()).decode(), **shape}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
