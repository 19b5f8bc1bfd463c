"""The command line: one module of this package for each group of commands; exit 0 done, 1 failed, 2 bad input."""

import errno
import logging
import os
import sys

import typer
from rich.text import Text

from mdw.cli import (
    acceptance,
    audit,
    backtest,
    build,
    clone,
    cluster,
    dbt,
    demo,
    docs,
    doctor,
    ingest,
    live,
    memory,
    metrics,
    notify,
    publish_reports,
    report,
    server,
    snapshot,
    sql,
)
from mdw.console.output import err
from warehouse import open_files
from warehouse.errors import BadInput, OperationFailed, sentence_of_server

app = typer.Typer(
    name="mdw",
    help="Market data warehouse: land exchange data, build versioned marts, publish snapshots, read them back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for group in (
    server,
    ingest,
    live,
    build,
    clone,
    audit,
    sql,
    dbt,
    backtest,
    docs,
    report,
    publish_reports,
    doctor,
    acceptance,
    notify,
    demo,
):
    group.register(app)
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(metrics.app, name="metrics")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    """Entry point: turns expected errors into one line on stderr and an exit code."""
    # dlt and dbt send telemetry by default.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    memory.limit_arenas()
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    try:
        app()
    except BadInput as error:
        _print("bad input", str(error))
        sys.exit(2)
    except OperationFailed as error:
        if open_files.ran_out(error):
            # Half-open connections raise errors when they are garbage-collected.
            logging.disable(logging.CRITICAL)
        _print("failed", str(error))
        sys.exit(1)
    except Exception as error:
        if open_files.ran_out(error):
            text = str(open_files.too_low("The command could not continue"))
        elif isinstance(error, OSError):
            text = _explain(error)
        elif (rejection := _rejection(error)) is not None:
            text = rejection
        else:
            raise
        _print("failed", text)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped. What has landed is kept; run the same command again to continue.")
        sys.exit(130)


def _print(kind: str, text: str) -> None:
    err.print(Text(f"{kind}:", style="bold red"), text, soft_wrap=True)


def _rejection(error: Exception) -> str | None:
    """ClickHouse's own sentence, with the next step where a table is missing; None if the error is not ClickHouse's."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    if not isinstance(error, ClickHouseError):
        return None
    sentence = sentence_of_server(error).splitlines()[0][:400].rstrip()
    if any(name in str(error) for name in ("KEEPER_EXCEPTION", "TABLE_IS_READ_ONLY", "Coordination::Exception")):
        return f"ClickHouse cannot write without Keeper: {sentence}. Next step: runbooks/cluster.md, Keeper lost."
    if any(name in str(error) for name in ("UNKNOWN_TABLE", "UNKNOWN_DATABASE")):
        return f"ClickHouse lacks a table: {sentence}. Run `mdw migrate`; `mdw doctor` says what else is missing."
    return f"ClickHouse rejected a statement: {sentence}"


def _explain(error: OSError) -> str:
    """What the operating system refused, and the next step if there is one."""
    text = error.strerror or str(error) or type(error).__name__
    named = f"{error.filename}: {text}" if error.filename else text
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{named}. Free some space there and run the same command again: what has landed is kept."
    return f"{named}."
