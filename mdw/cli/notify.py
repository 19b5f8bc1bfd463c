"""notify: alerts to SNS, a webhook and the log."""

from typing import Annotated

import typer

from mdw.cli.options import Json
from mdw.console.output import err, out, print_json
from warehouse.errors import BadInput
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(notify)


def notify(
    subject: Annotated[
        str,
        typer.Argument(
            help="the problem; or `check`: the current problems of the warehouse; or `test`: a test message"
        ),
    ],
    text: Annotated[str, typer.Option(help="more about it")] = "",
    severity: Annotated[str, typer.Option(help="error, warn or info")] = "error",
    link: Annotated[str, typer.Option(help="where to look")] = "",
    runbook: Annotated[str, typer.Option(help="page that says what to do, such as runbooks/build_failed.md")] = "",
    key: Annotated[
        str, typer.Option(help="identifies the problem, so that it is not sent twice; default: the subject")
    ] = "",
    resolve: Annotated[
        bool, typer.Option("--resolve", help="the problem of --key and all below it (KEY:…) are resolved")
    ] = False,
    json: Json = False,
) -> None:
    """Send alerts: each problem once, again after MDW_ALERT_REPEAT_HOURS while it lasts, and when it is resolved.

    Channels: MDW_ALERT_SNS_TOPIC, MDW_ALERT_WEBHOOK_URL (Slack's format), and always the log.
    Exit 1 if a channel did not accept a message.
    """
    from mdw.alerting import sending
    from mdw.alerting.alert import SEVERITIES, Alert
    from mdw.alerting.state import PREFIXES, present_alerts
    from warehouse.client import connect

    settings = Settings.load()
    if severity not in SEVERITIES:
        raise BadInput(f"--severity is {severity!r}; allowed are {', '.join(SEVERITIES)}.")
    if subject == "check":
        with connect(settings, "auditor") as client:
            alerts = present_alerts(client)
        result = sending.reconcile(settings, alerts, PREFIXES)
    elif resolve:
        result = sending.resolve(settings, key or subject)
    else:
        name = "test:by hand" if subject == "test" else key or subject
        title = "Test alert: nothing is wrong" if subject == "test" else subject
        result = sending.raise_alert(settings, Alert(name, severity, title, text, runbook, link))
        if subject == "test":
            sending.resolve(settings, name)
    if json:
        print_json(vars(result))
    else:
        for what, titles in (("sent", result.sent), ("said before", result.held_back), ("resolved", result.resolved)):
            for title in titles:
                out.print(f"{what}: {title}", soft_wrap=True)
        if not (result.sent or result.held_back or result.resolved):
            out.print("Nothing to send.")
        for error in result.errors:
            err.print(error, soft_wrap=True)
    raise typer.Exit(1 if result.errors else 0)
