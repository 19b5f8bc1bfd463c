"""Runs the reader with signal handling and a status for terminals and logs."""

import asyncio
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.reader import Reader
from mdw.console.output import print_json
from mdw.live.status import lines, table
from warehouse.errors import BadInput
from warehouse.settings import Settings

LINE_SECONDS = 10.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `30m` or `2h`; raises BadInput."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text.strip())
    if not found:
        raise BadInput(f"--probe is {text!r}, which is no duration. Write it like 30m (s, m or h).")
    return int(found[1]) * _UNITS[found[2]]


def run(settings: Settings, series: Sequence[Series], *, quotes: bool, as_json: bool) -> int:
    """Follow until SIGINT or SIGTERM. Exit code 0, or 1 where rows were left on disk for the next start."""
    return asyncio.run(_run(settings, series, quotes, as_json))


async def _run(settings: Settings, series: Sequence[Series], quotes: bool, as_json: bool) -> int:
    reader = Reader(settings, series, quotes=quotes)
    on_terminal = sys.stdout.isatty() and not as_json

    def stop() -> None:
        if not on_terminal:
            _print_status(reader, as_json)
        reader.stop()

    _on_signals(stop)
    watching = asyncio.create_task(_show(reader) if on_terminal else _print_now_and_then(reader, as_json))
    try:
        complete = await reader.run()
    finally:
        watching.cancel()
    if not complete:
        sys.stderr.write(
            "Stopped. ClickHouse did not accept the last rows: they are kept in the spool and sent at the next start.\n"
        )
    return 0 if complete else 1


async def _show(reader: Reader) -> None:
    """A refreshing table."""
    from rich.live import Live

    with Live(table(reader), auto_refresh=False, screen=False) as view:
        while True:
            await asyncio.sleep(0.5)
            view.update(table(reader, view.console.height), refresh=True)


async def _print_now_and_then(reader: Reader, as_json: bool) -> None:
    """For pipes and logs; the last state is printed when the reader is stopped."""
    while True:
        await asyncio.sleep(LINE_SECONDS)
        _print_status(reader, as_json)


def _print_status(reader: Reader, as_json: bool) -> None:
    if not reader.followers:
        return
    if as_json:
        print_json({one.name: reader.status_of(one) for one in reader.followers})
    else:
        sys.stdout.write("\n".join(lines(reader)) + "\n")
    sys.stdout.flush()


def run_probe(settings: Settings, series: Sequence[Series], seconds: float, report: Path | None) -> int:
    """Measure for so long, or until SIGINT or SIGTERM, and write the report; its path is printed."""
    from mdw.live.probe import Probe

    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    path = report or settings.home / "reports" / f"live-probe-{stamp}.md"
    if path.is_dir():
        raise BadInput(f"--report is {str(path)!r}, which is a folder. Name a file in it.")
    # Before half an hour of measuring, not after it.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise BadInput(f"--report is {str(path)!r}, which cannot be written: {error.strerror}. Name another.") from None

    async def measure() -> str:
        probe = Probe(settings, series, seconds)
        _on_signals(probe.stop)
        return await probe.run()

    try:
        text = asyncio.run(measure())
    except BaseException:
        if not path.stat().st_size:
            path.unlink()
        raise
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{path}\n")
    return 0


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
