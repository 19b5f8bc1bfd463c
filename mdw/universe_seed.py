"""The universe as dbt's seed `universe_series`: `python -m mdw.universe_seed` after a change of config/universe.yml."""

import csv
import io
import os
from pathlib import Path

from dlt_pipelines.universe import Universe, load
from warehouse.settings import PROJECT, Settings

SEEDS = PROJECT / "dbt_project" / "seeds"
_NAME = "universe_series"
_COLUMNS = ("dataset", "instrument_id", "venue", "market", "symbol", "timeframe", "base", "quote", "history_start")


def text(universe: Universe) -> str:
    """The seed file: one line a series of bars or funding."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_COLUMNS)
    start = f"{universe.history.start:%Y-%m-%d %H:%M:%S}"
    for one in universe.series():
        if one.windowed:
            names = (one.dataset, f"{one.venue}:{one.market}:{one.symbol}", one.venue, one.market, one.symbol)
            writer.writerow((*names, one.timeframe, *one.symbol.split("/"), start))
    return lines.getvalue()


def write(settings: Settings) -> Path:
    """Folder below MDW_HOME with the seed of this deployment's universe; raises BadInput where its file is wrong."""
    folder = settings.home / "dbt" / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / f"{_NAME}.csv", text(load(settings.universe)))
    _replace(folder / f"{_NAME}.yml", (SEEDS / f"{_NAME}.yml").read_text(encoding="utf-8"))
    return folder


def _replace(path: Path, content: str) -> None:
    """As a whole: another command may be reading it."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return
    new = path.with_suffix(f".{os.getpid()}.new")
    new.write_text(content, encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    _replace(SEEDS / f"{_NAME}.csv", text(load(Settings.load().universe)))
