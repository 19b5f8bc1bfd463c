"""Text of venues and of the data reaches a terminal or a log as text: no markup, no control sequences, no crash."""

import io

import pytest

from dlt_pipelines.core.errors import ServerFault
from dlt_pipelines.core.progress import Failure, LandingReport
from dlt_pipelines.planning.plan import Plan
from mdw.cli import sql
from mdw.console import landing_view, output
from mdw.publishing.dbt import _follow
from tests.mdw.test_dbt_progress import event
from warehouse.settings import Settings

# A closing tag without its opening tag is an error of rich's markup; ESC [ 2 J clears a terminal; U+009B is ESC [ too.
HOSTILE = "code 7 [/red] [bold]x[/bold] ['a', 'b'] \x1b[2J\x1b]0;t\x07 \x9b2J \x00 \x7f \u202e end \\"
SHOWN = "code 7 [/red] [bold]x[/bold] ['a', 'b'] ␛[2J␛]0;t␇ �2J ␀ ␡ � end \\"


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed to stdout and stderr, without colors."""
    text = io.StringIO()
    for module in (output, landing_view):
        for name in ("out", "err"):
            console = output._Output(
                file=text, force_terminal=request.param, color_system=None, width=400, highlight=False
            )
            monkeypatch.setattr(module, name, console)
    return text


def test_messages_of_venues_are_shown_as_they_are(shown: io.StringIO) -> None:
    report = LandingReport()
    report.notices.append(f"notice: {HOSTILE}")
    failure = Failure("binance bars", "server_fault", f"failure: {HOSTILE}")
    report.failures.append(failure)
    view = landing_view.LandingProgress(Plan(Settings(), []), None, paced=False)
    view.fault("bybit", ServerFault(HOSTILE), 1.0)
    view.gave_up(failure)
    landing_view.print_report(report)
    lines = shown.getvalue().splitlines()
    assert lines[0].startswith(f"bybit: {SHOWN}")
    assert f"failure: {SHOWN}" in lines
    assert f"notice: {SHOWN}" in lines
    assert f"not fetched: failure: {SHOWN}" in lines


def test_values_in_a_table_are_shown_as_they_are(shown: io.StringIO) -> None:
    output.table(("symbol", "reason"), [(HOSTILE, "a\nb")], title=HOSTILE)
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert lines[0] == SHOWN
    assert lines[2] == f"{SHOWN}  a b"


def test_messages_of_dbt_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    _follow([event("LogModelResult", f"1 of 1 ERROR {HOSTILE}", node_info={})])
    assert capsys.readouterr().err.rstrip("\n") == f"1 of 1 ERROR {SHOWN}"


def test_the_sql_command_shows_exact_values_on_one_line() -> None:
    shown = sql._cell("a\tb\nc \x1b[2J \x7f \x9b \u2028 \u202e 币安人生/USDT ä \\").text
    assert shown == r"a\tb\nc \u001b[2J \u007f \u009b \u2028 \u202e 币安人生/USDT ä " + "\\"
