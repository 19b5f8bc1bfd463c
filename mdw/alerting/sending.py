"""Say what is new, say it again after hours, say when it is over."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mdw.alerting import ledger
from mdw.alerting.alert import Alert
from mdw.alerting.channels import Channel, channels
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings


@dataclass
class Said:
    """Titles that were sent, held back or resolved in one go, and what channels refused."""

    sent: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def raise_alert(settings: Settings, alert: Alert) -> Said:
    """Send one alert unless it was said within the hours of MDW_ALERT_REPEAT_HOURS.

    Where ClickHouse cannot be asked what was said before, the alert is sent: silence would be worse.
    """
    try:
        return _reconcile(settings, [alert], lambda key: False)
    except OperationFailed as error:
        said = Said(troubles=[f"not deduplicated: {error}"])
        _deliver(settings, alert.title, alert.text(settings.runbook_url), said)
        said.sent.append(alert.title)
        return said


def resolve(settings: Settings, key: str) -> Said:
    """Say that the trouble of this key is over, and every trouble below it (`KEY:…`); nothing where none stands."""
    return _reconcile(settings, [], lambda standing: standing == key or standing.startswith(f"{key}:"))


def reconcile(settings: Settings, alerts: Iterable[Alert], prefixes: tuple[str, ...]) -> Said:
    """Bring what was said in line with what is: standing alerts under the prefixes that are not in `alerts` end."""
    return _reconcile(settings, list(alerts), lambda key: key.startswith(prefixes))


def _reconcile(settings: Settings, alerts: list[Alert], ends: Callable[[str], bool]) -> Said:
    said, now = Said(), datetime.now(UTC)
    with connect(settings, "transform") as client:
        known = ledger.standing(client)
        for alert in alerts:
            if not ledger.is_due(alert, known, now, settings.alert_repeat_hours):
                said.held_back.append(alert.title)
                continue
            state = "repeated" if alert.key in known else "raised"
            if took := _deliver(settings, alert.title, alert.text(settings.runbook_url), said):
                ledger.write(client, state, alert, took)
                said.sent.append(alert.title)
        present = {alert.key for alert in alerts}
        for key, raised in known.items():
            if key in present or not ends(key):
                continue
            if took := _deliver(settings, f"Resolved: {raised.alert.title}", raised.alert.detail, said):
                ledger.write(client, "resolved", raised.alert, took)
                said.resolved.append(raised.alert.title)
    return said


def _deliver(settings: Settings, title: str, text: str, said: Said) -> list[str]:
    """Names of the channels that took it. The log counts only where nothing else is configured."""
    took: list[str] = []
    available = channels(settings)
    for channel in available:
        if _took(channel, f"[{settings.environment}] {title}", text, said):
            took.append(channel.name)
    return took if len(available) == 1 or took != ["log"] else []


def _took(channel: Channel, title: str, text: str, said: Said) -> bool:
    try:
        channel.send(title, text)
    except OperationFailed as error:
        said.troubles.append(str(error))
        return False
    return True
