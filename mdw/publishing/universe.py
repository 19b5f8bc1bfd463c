"""The universe for dbt: a variable of every run by `mdw`, and the seed that plain `dbt build` uses.

`python -m mdw.publishing.universe` writes the seed after a change of config/universe.yml.
"""

import csv
from typing import Any

from dlt_pipelines.planning.universe import Universe, load
from mdw import checkout
from warehouse.project import PROJECT
from warehouse.settings import Settings

SEED = PROJECT / "dbt_project" / "seeds" / "universe_default.csv"
COLUMNS = ("dataset", "venue", "market", "symbol", "timeframe", "history_start")


def variable(universe: Universe) -> list[list[str]]:
    """Values of COLUMNS for each series of bars or funding."""
    start = f"{universe.history.start:%Y-%m-%d %H:%M:%S}"
    return [[s.dataset, s.venue, s.market, s.symbol, s.timeframe, start] for s in universe.series() if s.windowed]


def variables(settings: Settings) -> dict[str, Any]:
    """Variables for dbt; raises BadInput if the universe file is invalid."""
    return {"universe": variable(load(settings.universe))}


def main() -> None:
    """Write the seed of the checkout; raises BadInput outside a checkout."""
    checkout.require("dbt_project", "python -m mdw.publishing.universe")
    with SEED.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *variable(load(PROJECT / "config" / "universe.yml"))])


if __name__ == "__main__":
    main()
