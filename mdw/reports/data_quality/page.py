"""Renders the page: one HTML document that contains its style, script, Plotly and data."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup

from mdw.reports.data_quality import charts
from mdw.reports.data_quality.data import NOT_FETCHABLE, TO_FETCH, DayState, Report
from mdw.reports.data_quality.wording import age, moment, verdict
from warehouse.project import PROJECT

_ASSETS = Path(__file__).parent / "assets"
_RUNBOOKS = PROJECT / "runbooks"


def render(report: Report) -> str:
    """The whole document. Text from the data is escaped; the page loads nothing from elsewhere."""
    figures, shown = _figures(report)
    environment = Environment(autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"age": age, "moment": moment, "number": lambda value: f"{value:,}"}
    template = environment.from_string((_ASSETS / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        verdict=verdict(report),
        coverage_rows=_coverage_rows(report),
        shown=shown,
        heights={name: figure["layout"]["height"] for name, figure in figures.items()},
        spread_rows=_spread_rows(report),
        gap_names=charts.GAP_NAMES,
        runbooks=_runbooks(report),
        style=_asset("page.css"),
        script=_asset("page.js"),
        # No closing tag may appear inside a script element.
        figures=Markup(json.dumps(figures, separators=(",", ":")).replace("<", "\\u003c")),  # noqa: S704
        plotly=Markup(_plotly()) if figures else "",  # noqa: S704
    )


def _asset(name: str) -> Markup:
    return Markup((_ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _figures(report: Report) -> tuple[dict[str, charts.Figure], dict[str, int]]:
    figures: dict[str, charts.Figure] = {}
    shown = {"gaps": 0, "symbols": 0}
    if report.coverage:
        figures["coverage"] = charts.coverage(report.coverage)
    if report.gaps:
        figures["gaps"], shown["gaps"] = charts.gap_timeline(report.gaps)
    if report.revisions:
        figures["revisions"] = charts.revisions(report.revisions)
    if report.spreads:
        figures["spread"], shown["symbols"] = charts.spread(report.spreads, report.spread_bucket)
    return figures, shown


def _coverage_rows(report: Report) -> list[dict[str, Any]]:
    if not report.coverage:
        return []
    missing = {(total.label, total.kind): total.missing for total in report.gaps}
    rows = []
    for label, bars, states in zip(report.coverage.labels, report.coverage.bars, report.coverage.states, strict=True):
        expected = states != DayState.NOT_EXPECTED
        held = int(bars.sum())
        absent = sum(missing.get((label, kind), 0) for kind in (TO_FETCH, *NOT_FETCHABLE))
        rows.append(
            {
                "label": label,
                "days": int(expected.sum()),
                "complete": int((states == DayState.COMPLETE).sum()),
                "bars": held,
                "share": held / (held + absent) if held + absent else None,
                **{kind: missing.get((label, kind), 0) for kind in charts.GAP_NAMES},
            }
        )
    return rows


def _spread_rows(report: Report) -> list[tuple[str, str, float, float]]:
    return [
        (item.symbol, item.venue, float(sorted(item.median)[len(item.median) // 2]), float(item.worst.max()))
        for item in report.spreads
    ]


def _runbooks(report: Report) -> dict[str, Markup]:
    """The runbooks that findings name, by name, as HTML: included, so that the links also work in a mailed file."""
    names = {finding.runbook.split("#")[0] for finding in report.audits.findings}
    names |= {"repair_a_gap"} if report.missing("not_fetched") else set()
    names |= {"stale_series"} if any(series.late for series in report.freshness) else set()
    pages = {name: _RUNBOOKS / f"{name}.md" for name in sorted(names)}
    # Raw HTML in a runbook would be shown as text.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return {
        name: Markup(_lowered(markdown.render(path.read_text(encoding="utf-8")), set(pages)))  # noqa: S704
        for name, path in pages.items()
        if path.exists()
    }


def _lowered(html: str, known: set[str]) -> str:
    """Move headings two levels down, and point links to other runbooks into this document if they are in it."""
    for level in (4, 3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    for name in known:
        html = html.replace(f'href="{name}.md"', f'href="#runbook-{name}"')
    return html
