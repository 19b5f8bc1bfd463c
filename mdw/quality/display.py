"""The findings for people."""

from rich.padding import Padding
from rich.text import Text

from mdw.console.output import out, table, utc
from mdw.quality.findings import AuditRun, Finding

_MOST = 40
_COLORS = {"error": "red", "warn": "yellow"}


def show(run: AuditRun) -> None:
    """Errors and warnings with range, size and age; then what is merely explained, in one line."""
    listed = run.of("error", "warn")
    if listed:
        if out.is_terminal:
            _paragraphs(listed[:_MOST])
        else:
            _table(listed)
        if len(listed) > _MOST and out.is_terminal:
            out.print(f"… and {len(listed) - _MOST} more: `mdw audit --last --json` lists them all.")
        pages = sorted({f.runbook for f in listed})
        out.print(f"What to do: {', '.join(pages[:8])}{' …' if len(pages) > 8 else ''}", soft_wrap=True)
        out.print("The rows of a finding: `mdw audit --last --json`, field rows_sql.")
    counts = run.counts
    looked = "every row" if run.everything else "what waits for publication and what was found before"
    out.print(
        f"Run {run.run} looked at {looked}: {counts['error']} errors, {counts['warn']} warnings, "
        f"{counts['info']} explained, {counts['ok']} audits found nothing."
    )


def _table(findings: list[Finding]) -> None:
    columns = ("severity", "audit", "series", "range, UTC", "rows", "worst", "since", "says")
    rows = [(f.severity, f.audit, f.series, f.span, f.rows, f.worst, utc(f.first_seen), f.detail) for f in findings]
    table(columns, rows)


def _paragraphs(findings: list[Finding]) -> None:
    """Eight columns do not fit a terminal: the audit once, and its series below it."""
    audit = None
    for found in findings:
        if found.audit != audit:
            audit = found.audit
            out.print(f"[{_COLORS[found.severity]}]{found.severity}[/] [bold]{audit}[/]")
        rows = f"{found.rows:,} row{'' if found.rows == 1 else 's'}"
        worst = "" if found.worst in (None, found.rows) else f", worst {found.worst:,.6g}"
        out.print(f"  {found.series}: {rows}{worst}, since {found.first_seen:%Y-%m-%d}", markup=False)
        if found.span != "-":
            out.print(f"    {found.span}", markup=False)
        if found.detail:
            out.print(Padding(Text(found.detail), (0, 0, 0, 4), expand=False), soft_wrap=False)
