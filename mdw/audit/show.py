"""The findings as a table for people."""

from mdw.audit.findings import AuditRun
from mdw.output import out, table, utc

_MOST = 40


def show(run: AuditRun) -> None:
    """Errors and warnings with range, size and age; then what is merely explained, in one line."""
    listed = run.of("error", "warn")
    if listed:
        columns = ("severity", "audit", "series", "range, UTC", "rows", "worst", "since", "says")
        table(
            columns,
            [
                (f.severity, f.audit, f.series, f.span, f.rows, f.worst, utc(f.first_seen), f.detail)
                for f in listed[:_MOST]
            ],
        )
        if len(listed) > _MOST:
            out.print(f"… and {len(listed) - _MOST} more: `mdw audit --last --json` lists them all.")
        pages = sorted({f.runbook for f in listed})
        out.print(f"What to do: {', '.join(pages[:8])}{' …' if len(pages) > 8 else ''}", soft_wrap=True)
        out.print("The rows of a finding: `mdw audit --last --json`, field rows_sql.")
    counts = run.counts
    looked = "every row" if run.everything else "what waits for publication and what was found before"
    out.print(
        f"Run {run.run} looked at {looked}: {counts['error']} errors, {counts['warn']} warnings, "
        f"{counts['info']} explained, {counts['ok']} audits found nothing.",
        soft_wrap=True,
    )
