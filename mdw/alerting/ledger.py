"""The record of sent alerts (ops.alerts), so that they are not repeated at every check."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clickhouse_connect.driver.client import Client

from mdw.alerting.alert import Alert
from warehouse.utc import aware_utc

_COLUMNS = ["alert_key", "state", "severity", "title", "detail", "runbook", "sent_to"]


@dataclass(frozen=True)
class ActiveAlert:
    """An active alert, and when it was last sent (UTC, by the database's clock)."""

    alert: Alert
    sent_at: datetime


def active_alerts(client: Client) -> dict[str, ActiveAlert]:
    """Alerts that were raised and not yet resolved, by key."""
    rows = client.query(
        "select alert_key, argMax(severity, recorded_at), argMax(title, recorded_at), argMax(detail, recorded_at), "
        "argMax(runbook, recorded_at), max(recorded_at) from ops.alerts group by alert_key "
        "having argMax(state, recorded_at) != 'resolved'"
    ).result_rows
    return {
        key: ActiveAlert(Alert(key, severity, title, detail, runbook), aware_utc(sent_at))
        for key, severity, title, detail, runbook, sent_at in rows
    }


def is_due(alert: Alert, known: dict[str, ActiveAlert], now: datetime, repeat_hours: float) -> bool:
    """Whether the alert is new, more severe than before, or was last sent more than `repeat_hours` ago."""
    if alert.key not in known:
        return True
    before = known[alert.key]
    worse = alert.severity == "error" and before.alert.severity != "error"
    return worse or now - before.sent_at >= timedelta(hours=repeat_hours)


def write(client: Client, state: str, alert: Alert, sent_to: list[str]) -> None:
    """Record an alert; `state` is raised, repeated or resolved."""
    row = [alert.key, state, alert.severity, alert.title, alert.detail, alert.runbook, sent_to]
    client.insert("ops.alerts", [row], column_names=_COLUMNS)
