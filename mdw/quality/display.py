"""Prints findings."""

from rich.padding import Padding
from rich.text import Text

from mdw.console.output import out, table, utc
from mdw.quality.findings import AuditRun, Finding

_MAX_SHOWN = 40
_COLORS = {"error": "red", "warn": "yellow"}


def show(run: AuditRun) -> None:
    """Print errors and warnings with range, size and age, then a summary."""
    listed = run.of("error", "warn")
    if listed:
        if out.is_terminal:
            _paragraphs(listed[:_MAX_SHOWN])
        else:
            _table(listed)
        if len(listed) > _MAX_SHOWN and out.is_terminal:
            out.print(f"… and {len(listed) - _MAX_SHOWN} more: `mdw audit --last --json` lists them all.")
        pages = sorted({f.runbook for f in listed})
        out.print(f"What to do: {', '.join(pages[:8])}{' …' if len(pages) > 8 else ''}", soft_wrap=True)
        out.print("The rows of a finding: `mdw audit --last --json`, field rows_sql.")
    counts = run.counts
    looked = "every row" if run.everything else "unpublished rows and previous findings"
    out.print(
        f"Run {run.run} audited {looked}: {counts['error']} errors, {counts['warn']} warnings, "
        f"{counts['info']} explained, {counts['ok']} audits found nothing."
    )


def _table(findings: list[Finding]) -> None:
    columns = ("severity", "audit", "series", "range, UTC", "rows", "worst", "since", "detail")
    rows = [(f.severity, f.audit, f.series, f.span, f.rows, f.worst, utc(f.first_seen), f.detail) for f in findings]
    table(columns, rows)


def _paragraphs(findings: list[Finding]) -> None:
    """For a terminal, which eight columns do not fit: each audit once, with its series below it."""
    audit = None
    for found in findings:
        if found.audit != audit:
            audit = found.audit
            out.print(f"[{_COLORS[found.severity]}]{found.severity}[/] [bold]{audit}[/]", markup=True)
        rows = f"{found.rows:,} row{'' if found.rows == 1 else 's'}"
        worst = "" if found.worst in (None, found.rows) else f", worst {found.worst:,.6g}"
        out.print(f"  {found.series}: {rows}{worst}, since {found.first_seen:%Y-%m-%d}")
        if found.span != "-":
            out.print(f"    {found.span}")
        if found.detail:
            out.print(Padding(Text(found.detail), (0, 0, 0, 4), expand=False), soft_wrap=False)
