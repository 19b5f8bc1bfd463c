"""Numbers and times as text."""

from dataclasses import dataclass
from datetime import datetime

from mdw.reports.data_quality.data import Report

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True)
class Verdict:
    """The report in one line: level is ok, warn or error."""

    level: str
    headline: str


def moment(value: datetime | None) -> str:
    """UTC, to the minute."""
    return "-" if value is None else value.strftime("%Y-%m-%d %H:%M")


def age(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "no record"
    for position, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            if position + 1 == len(_UNITS) or whole >= 10:
                return f"{whole:,.0f} {unit}"
            smaller, name = _UNITS[position + 1]
            part = int(rest // smaller)
            return f"{whole:.0f} {unit} {part} {name}" if part else f"{whole:.0f} {unit}"
    return "now"


def verdict(report: Report) -> Verdict:
    """The headline of the report."""
    if report.snapshot is None:
        return Verdict("error", "No snapshot is published yet")
    if report.snapshot.withdrawn is not None:
        return Verdict(
            "error",
            f"Snapshot {report.snapshot.snapshot_id} was withdrawn as known to be bad: {report.snapshot.withdrawn}",
        )
    errors = report.audits.count("error")
    if errors:
        found = f"{errors} audit error{'s' if errors > 1 else ''}"
        if report.refused:
            return Verdict(
                "error",
                f"Build {report.audits.run} was not published: {found}. Readers keep snapshot "
                f"{report.snapshot.snapshot_id}, which this page describes and whose audits passed",
            )
        return Verdict("error", f"{found} in what snapshot {report.snapshot.snapshot_id} shows")
    late = sum(series.late for series in report.freshness)
    concerns = [
        (report.audits.count("warn"), "audit warning", "s"),
        (report.missing("not_fetched"), "bar", "s to fetch"),
        (late, "late series", ""),
    ]
    parts = [f"{count:,} {what}{more if count > 1 else more[1:]}" for count, what, more in concerns if count]
    if parts:
        return Verdict("warn", "Published, worth a look: " + ", ".join(parts))
    return Verdict("ok", "All audits passed, every series is fresh, nothing is missing on our side")
