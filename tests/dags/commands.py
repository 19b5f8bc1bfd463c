"""Which commands of the CLI the tasks need, and which of them do not exist yet."""

import os
import subprocess
import sys
from functools import cache

from warehouse.project import PROJECT

NEEDS = {
    "archive_binance": ("backfill", "--lane"),
    "archive_okx": ("backfill", "--lane"),
    "build": ("build", "--artifacts"),
    "dq_report": ("audit", "--report"),
    "verify": ("snapshot verify", "--json"),
    "export_iceberg": ("snapshot export", "--to"),
    "retention": ("snapshot prune", "--older-than-days"),
    "watch": ("notify", "--runbook"),
}


@cache
def help_of(command: str) -> str:
    """Output of `mdw COMMAND --help`; empty if there is no such command."""
    ended = subprocess.run(
        [sys.executable, "-m", "mdw", *command.split(), "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
    )
    return ended.stdout if ended.returncode == 0 else ""


def mark_absent() -> list[str]:
    """Options of `airflow dags test` that skip tasks whose command does not exist."""
    absent = [task for task, (command, option) in NEEDS.items() if option not in help_of(command)]
    return ["--mark-success-pattern", "|".join(absent)] if absent else []
