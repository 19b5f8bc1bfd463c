"""`python -m tests.live.process HOME SPEED`: the reader in a separate process, for a fast market."""

import asyncio
import signal
import sys
from pathlib import Path

from dlt_pipelines.live.reader import Reader
from dlt_pipelines.planning.selection import Selection, select
from dlt_pipelines.planning.universe import load
from warehouse.settings import Settings


async def main(home: str, speed: float) -> int:
    settings = Settings(home=Path(home))
    series = select(load(settings.universe), Selection(("bars",)))
    reader = Reader(settings, series, quotes=False, speed=speed, longest_wait=0.5)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, reader.stop)
    return 0 if await reader.run() else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], float(sys.argv[2]))))
