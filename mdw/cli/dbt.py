"""env, dbt: run dbt by hand with the connection, variables and universe that `mdw` uses."""

import shlex
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from mdw.console.output import err, print_json
from mdw.publishing import dbt as running
from mdw.revision import code_revision
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings

_FORMATS = ("shell", "dotenv", "json")
_PASSWORD = "MDW_DBT_PASSWORD"  # noqa: S105 - the variable's name


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(env)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dbt)


def env(
    output_format: Annotated[
        str, typer.Option("--format", metavar="|".join(_FORMATS), help="how to print them")
    ] = "shell",
    show_password: Annotated[bool, typer.Option("--show-password", help="print it on a terminal, too")] = False,
) -> None:
    """Print the variables that dbt needs: eval "$(mdw env)", then any dbt command in dbt_project/.

    The password is printed to a pipe or a file; on a terminal, where others may read it, only with --show-password.
    """
    if output_format not in _FORMATS:
        raise BadInput(f"--format is {output_format!r}; it must be one of {', '.join(_FORMATS)}.")
    # A snapshot that dbt publishes later is marked as built with the revision of this moment.
    variables = running.by_hand(Settings.load(), f"{code_revision()} (mdw env)")
    if sys.stdout.isatty() and not show_password:
        del variables[_PASSWORD]
        err.print(f'{_PASSWORD} is not shown on a terminal: use eval "$(mdw env)", or --show-password.')
    if output_format == "json":
        print_json(variables)
    else:
        sys.stdout.write(_lines(variables, output_format))


def _lines(variables: Mapping[str, str], output_format: str) -> str:
    if output_format == "shell":
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return "".join(f"{name}={_dotenv(value)}\n" for name, value in variables.items())


def _dotenv(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def dbt(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND...", show_default=False)] = None,
) -> None:
    """Run any dbt command in dbt_project/ on this warehouse: mdw dbt -- build --select bars+ ; its exit code is dbt's.

    A build publishes under --vars '{snapshot_id: NAME}'. dbt's artifacts and log are in MDW_HOME/dbt/by_hand.
    """
    if not arguments:
        raise BadInput("Name a dbt command after --, such as `mdw dbt -- build` or `mdw dbt -- show --select v_bars`.")
    settings = Settings.load()
    # If ClickHouse is down, fail here with one line instead of dbt's long output.
    connect(settings, "transform").close()
    running.exec_dbt(settings, arguments, code_revision())
