"""Alerts that were sent already (ops.alerts), so that they are not repeated every quarter of an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clickhouse_connect.driver.client import Client

from mdw.alerting.alert import Alert
from warehouse.utc import aware_utc

_COLUMNS = ["alert_key", "state", "severity", "title", "detail", "runbook", "sent_to"]


@dataclass(frozen=True)
class Raised:
    """An active alert, and when it was last sent (UTC, by the database's clock)."""

    alert: Alert
    said_at: datetime


def standing(client: Client) -> dict[str, Raised]:
    """Alerts that were raised and not resolved, by key."""
    rows = client.query(
        "select alert_key, argMax(severity, recorded_at), argMax(title, recorded_at), argMax(detail, recorded_at), "
        "argMax(runbook, recorded_at), max(recorded_at) from ops.alerts group by alert_key "
        "having argMax(state, recorded_at) != 'resolved'"
    ).result_rows
    return {
        key: Raised(Alert(key, severity, title, detail, runbook), aware_utc(said_at))
        for key, severity, title, detail, runbook, said_at in rows
    }


def is_due(alert: Alert, known: dict[str, Raised], now: datetime, repeat_hours: float) -> bool:
    """New, worse than it was, or said so long ago that it must be said again."""
    if alert.key not in known:
        return True
    before = known[alert.key]
    worse = alert.severity == "error" and before.alert.severity != "error"
    return worse or now - before.said_at >= timedelta(hours=repeat_hours)


def write(client: Client, state: str, alert: Alert, sent_to: list[str]) -> None:
    """State is raised, repeated or resolved."""
    row = [alert.key, state, alert.severity, alert.title, alert.detail, alert.runbook, sent_to]
    client.insert("ops.alerts", [row], column_names=_COLUMNS)
