"""What the newest run of the audits found (marts.dq_audit_results)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from mdw.console.output import utc
from warehouse.utc import aware_utc

_COLUMNS = (
    "audit severity dataset instrument_id timeframe range_start range_end rows worst detail first_seen runbook rows_sql"
)
_ORDER = "indexOf(['error', 'warn', 'info', 'ok'], severity), audit, rows desc, instrument_id, timeframe, range_start"


@dataclass(frozen=True)
class Finding:
    """One row of the results; times in UTC, the range's end exclusive."""

    audit: str
    severity: str
    dataset: str
    instrument_id: str
    timeframe: str
    range_start: datetime | None
    range_end: datetime | None
    rows: int
    worst: float | None
    detail: str
    first_seen: datetime
    runbook: str
    rows_sql: str

    @property
    def series(self) -> str:
        """Instrument and timeframe, or the dataset if it has none."""
        return " ".join(filter(None, (self.instrument_id, self.timeframe))) or self.dataset

    @property
    def span(self) -> str:
        """The range as text."""
        if self.range_start is None or self.range_end is None:
            return "-"
        return f"{utc(self.range_start)} .. {utc(self.range_end)}"


@dataclass(frozen=True)
class AuditRun:
    """One run: its number (that of a build), time, whether it audited every row, and all results, errors first."""

    run: int
    audited_at: datetime
    everything: bool
    findings: list[Finding]

    def of(self, *severities: str) -> list[Finding]:
        """Findings of these severities."""
        return [finding for finding in self.findings if finding.severity in severities]

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity; audits that found nothing under `ok`."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in ("error", "warn", "info", "ok")}

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return {
            "run": self.run,
            "audited_at": self.audited_at,
            "everything": self.everything,
            "counts": self.counts,
            "findings": [vars(finding) for finding in self.findings if finding.severity != "ok"],
            "passed": sorted(finding.audit for finding in self.of("ok")),
        }


def newest_run(client: Client) -> AuditRun | None:
    """The newest run, or None if the audits have not run yet."""
    if not client.command("exists table marts.dq_audit_results"):
        return None
    head = client.query(
        "select run, audited_at, everything from marts.dq_audit_results order by run desc limit 1"
    ).result_rows
    if not head:
        return None
    run, audited_at, everything = head[0]
    columns = ", ".join(_COLUMNS.split())
    query = f"select {columns} from marts.dq_audit_results where run = {{run:UInt32}} order by {_ORDER}"  # noqa: S608
    rows = client.query(query, parameters={"run": run}).result_rows
    return AuditRun(run, aware_utc(audited_at), everything, [Finding(*map(_aware_or_same, row)) for row in rows])


def _aware_or_same(value: Any) -> Any:
    return aware_utc(value) if isinstance(value, datetime) else value
