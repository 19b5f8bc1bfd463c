"""The universe file: what the warehouse should contain. Every mistake in it raises one precise BadInput."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from dlt_pipelines.core import schedules
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.symbols import SYMBOL_FORMAT, is_symbol
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.venues import VENUES, serving
from warehouse.errors import BadInput
from warehouse.utc import in_utc


def _one_of(allowed: Iterator[str] | list[str], value: str) -> str:
    names = list(allowed)
    if value not in names:
        raise ValueError(f"allowed are {', '.join(names)}")
    return value


def _symbol(value: str) -> str:
    if not is_symbol(value):
        raise ValueError(SYMBOL_FORMAT)
    return value


def _no_duplicates(values: list[str]) -> list[str]:
    duplicates = sorted({value for value in values if values.count(value) > 1})
    if duplicates:
        raise ValueError(f"{', '.join(duplicates)} is listed twice")
    return values


Symbols = Annotated[list[Annotated[str, AfterValidator(_symbol)]], AfterValidator(_no_duplicates)]
Timeframes = Annotated[
    list[Annotated[str, AfterValidator(lambda value: _one_of(list(TIMEFRAMES), value))]],
    AfterValidator(_no_duplicates),
]
ByVenue = dict[str, dict[str, Symbols]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class History(_Strict):
    """The default start of a backfill."""

    start: Annotated[datetime, AfterValidator(in_utc)]


class Schedule(_Strict):
    """Cron expressions in UTC, for the DAGs."""

    update: str = schedules.UPDATE
    daily: str = schedules.DAILY


class Universe(_Strict):
    """The wanted venues, markets, symbols and timeframes."""

    version: Literal[1]
    history: History
    timeframes: Timeframes
    bars: ByVenue = {}
    funding: ByVenue = {}
    instruments: bool = True
    fear_greed: bool = True
    schedule: Schedule = Schedule()

    def series(self) -> list[Series]:
        """Every series of the universe, in the order of the file."""
        found = [
            Series("bars", venue, market, symbol, timeframe)
            for venue, market, symbol in _each(self.bars)
            for timeframe in self.timeframes
        ]
        found += [Series("funding", *keys) for keys in _each(self.funding)]
        if self.instruments:
            markets = dict.fromkeys((v, m) for v, m, _ in [*_each(self.bars), *_each(self.funding)])
            found += [Series("instruments", venue, market) for venue, market in markets]
        if self.fear_greed:
            found += [Series("fear_greed", venue, "") for venue in serving("fear_greed")]
        return found


def _each(tree: ByVenue) -> Iterator[tuple[str, str, str]]:
    for venue, markets in tree.items():
        for market, symbols in markets.items():
            for symbol in symbols:
                yield venue, market, symbol


def load(path: Path) -> Universe:
    """Read the file; raises BadInput that names file, key, value and the allowed values."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"Universe file {path} cannot be read: {error.strerror}. Check MDW_UNIVERSE.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"Universe file {path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BadInput(f"Universe file {path} is not a mapping; see config/universe.yml for the format.")
    try:
        universe = Universe.model_validate(content)
    except ValidationError as error:
        raise BadInput(_explain(path, error)) from None
    _check_places(path, universe)
    return universe


def _check_places(path: Path, universe: Universe) -> None:
    """Raise BadInput for a venue or market that is not supported."""
    for dataset, tree in (("bars", universe.bars), ("funding", universe.funding)):
        served = {name: venue.markets(dataset) for name, venue in VENUES.items() if venue.markets(dataset)}
        for venue, markets in tree.items():
            if venue not in served:
                raise BadInput(f"{path}: {dataset} names venue {venue!r}; allowed are {', '.join(sorted(served))}.")
            for market in markets:
                if market not in served[venue]:
                    raise BadInput(
                        f"{path}: {dataset}.{venue} names market {market!r}; allowed are {', '.join(served[venue])}."
                    )


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for issue in error.errors():
        key = ".".join(str(part) for part in issue["loc"])
        value: Any = issue["input"]
        message = issue["msg"].removeprefix("Value error, ")
        if issue["type"] == "extra_forbidden":
            lines.append(f"key {key} is unknown; allowed are {', '.join(Universe.model_fields)}")
        elif issue["type"] == "missing":
            lines.append(f"key {key} is missing")
        else:
            lines.append(f"{key} is {value!r}: {message}")
    return f"{path}: " + "; ".join(lines) + "."
