"""demo: the whole pipeline, once, on this machine alone."""

from pathlib import Path
from typing import Annotated

import typer

from warehouse.errors import BadInput
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    recordings: Annotated[
        Path | None, typer.Option(help="replay this folder of recordings, not a synthetic market")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the synthetic market")] = 7,
    days: Annotated[int, typer.Option(min=10, max=400, help="history of the synthetic market")] = 14,
) -> None:
    """Land every dataset, build, audit, publish, and run a backtest twice: against a replay of the exchanges.

    Works without internet access, in its own warehouse under MDW_HOME. Safe to run again: nothing lands twice.
    """
    settings = Settings.load()
    if not settings.embedded:
        raise BadInput(
            "`mdw demo` fills a warehouse with replayed data, and MDW_CLICKHOUSE_URL names a real one. "
            "Unset MDW_CLICKHOUSE_URL: the demo brings its own server."
        )
    if recordings is not None and not recordings.is_dir():
        raise BadInput(f"--recordings {recordings} is not a folder. Give the folder with the recorded files.")
    from mdw.demo import run_demo
    from mdw.demo.source import Recorded, Synthetic

    source = Recorded(recordings) if recordings else Synthetic(seed, days)
    if isinstance(source, Recorded) and not source.coverage:
        raise BadInput(
            f"--recordings {recordings} has none of the files that replay/recordings/catalog.py names. "
            "Give the folder with binance/, okx/, bybit/ and alternative_me/. Nothing was changed."
        )
    run_demo(settings, source)
