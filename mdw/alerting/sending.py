"""Sends new alerts, repeats them after hours, and reports when they are resolved."""

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
class SendResult:
    """Titles that one call sent, held back or resolved, and the errors of channels."""

    sent: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def raise_alert(settings: Settings, alert: Alert) -> SendResult:
    """Send one alert, unless it was already sent within MDW_ALERT_REPEAT_HOURS.

    If ClickHouse cannot say what was sent before, the alert is sent: silence would be worse.
    """
    try:
        return _reconcile(settings, [alert], lambda key: False)
    except OperationFailed as error:
        result = SendResult(errors=[f"not deduplicated: {error}"])
        _deliver(settings, alert.title, alert.text(settings.runbook_url), result)
        result.sent.append(alert.title)
        return result


def resolve(settings: Settings, key: str) -> SendResult:
    """Report that the alert of this key, and all below it (`KEY:…`), are resolved; does nothing if none is active."""
    return _reconcile(settings, [], lambda active: active == key or active.startswith(f"{key}:"))


def reconcile(settings: Settings, alerts: Iterable[Alert], prefixes: tuple[str, ...]) -> SendResult:
    """Send `alerts`, and resolve active alerts under the prefixes that are not among them."""
    return _reconcile(settings, list(alerts), lambda key: key.startswith(prefixes))


def _reconcile(settings: Settings, alerts: list[Alert], ends: Callable[[str], bool]) -> SendResult:
    result, now = SendResult(), datetime.now(UTC)
    with connect(settings, "transform") as client:
        known = ledger.active_alerts(client)
        for alert in alerts:
            if not ledger.is_due(alert, known, now, settings.alert_repeat_hours):
                result.held_back.append(alert.title)
                continue
            state = "repeated" if alert.key in known else "raised"
            if accepted := _deliver(settings, alert.title, alert.text(settings.runbook_url), result):
                ledger.write(client, state, alert, accepted)
                result.sent.append(alert.title)
        present = {alert.key for alert in alerts}
        for key, raised in known.items():
            if key in present or not ends(key):
                continue
            if accepted := _deliver(settings, f"Resolved: {raised.alert.title}", raised.alert.detail, result):
                ledger.write(client, "resolved", raised.alert, accepted)
                result.resolved.append(raised.alert.title)
    return result


def _deliver(settings: Settings, title: str, text: str, result: SendResult) -> list[str]:
    """Names of the channels that accepted it. The log counts only if nothing else is configured."""
    accepted: list[str] = []
    available = channels(settings)
    for channel in available:
        if _send(channel, f"[{settings.environment}] {title}", text, result):
            accepted.append(channel.name)
    return accepted if len(available) == 1 or accepted != ["log"] else []


def _send(channel: Channel, title: str, text: str, result: SendResult) -> bool:
    try:
        channel.send(title, text)
    except OperationFailed as error:
        result.errors.append(str(error))
        return False
    return True
