"""doctor: check whether this machine can run a warehouse."""

import typer
from rich.text import Text

from mdw.cli.options import Json
from mdw.console.output import out, print_json
from warehouse.settings import Settings

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(json: Json = False) -> None:
    """Check machine, ClickHouse and exchanges from here: one line each, with what to do. Exit 1 if one fails."""
    from mdw.doctor import run_checks

    findings = []
    for finding in run_checks(Settings.load()):
        findings.append(finding)
        if not json:
            advice = f"  -> {finding.do}" if finding.do else ""
            out.print(Text(*_MARKS[finding.state]), f"{finding.check}: {finding.says}{advice}", soft_wrap=True)
    if json:
        print_json([vars(finding) for finding in findings])
    raise typer.Exit(1 if any(finding.state == "fail" for finding in findings) else 0)
