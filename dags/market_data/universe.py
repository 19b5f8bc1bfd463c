"""Reads from the universe file what DAG files need; `mdw` itself validates it.

Read at every parse, so it loads one small YAML file and nothing else.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from market_data import release

_DEFAULT = Path(__file__).resolve().parents[2] / "config" / "universe.yml"
_LISTINGS = ("instruments", "fear_greed")


@dataclass(frozen=True)
class Part:
    """A part of the universe that one backfill call lands; '' for fields that a dataset does not have."""

    dataset: str
    venue: str
    market: str = ""
    symbol: str = ""
    timeframe: str = ""

    def options(self) -> list[str]:
        """Options for `mdw backfill`."""
        pairs = [(name, value) for name, value in vars(self).items() if value]
        return [text for name, value in pairs for text in (f"--{name}", value)]


@dataclass(frozen=True)
class Universe:
    """Parts in the order of the file, and the two schedules (cron, UTC)."""

    parts: tuple[Part, ...]
    update: str
    daily: str

    def named(self, field: str) -> list[str]:
        """The distinct values of a field, such as the venues."""
        return list(dict.fromkeys(value for part in self.parts if (value := getattr(part, field))))

    def listings(self, venue: str) -> list[str]:
        """Datasets of a venue that are listings, landed once a day."""
        return [name for name in _LISTINGS if any(part.dataset == name for part in self.of(venue))]

    def of(self, venue: str) -> list[Part]:
        """The venue's parts."""
        return [part for part in self.parts if part.venue == venue]

    def chosen(self, venue: str, wanted: Mapping[str, Sequence[str] | None]) -> list[Part]:
        """The venue's parts that pass; filters that are empty, or on fields that a part does not have, pass all."""
        return [
            part
            for part in self.of(venue)
            if all(
                not values or not getattr(part, name) or getattr(part, name) in values
                for name, values in wanted.items()
            )
        ]


def load() -> Universe:
    """Read MDW_UNIVERSE. Raises RuntimeError, which Airflow shows as the DAG's import error."""
    path = Path(os.environ.get("MDW_UNIVERSE") or _DEFAULT)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Universe(tuple(_parts(content)), **_schedule(content))
    except OSError as error:
        raise RuntimeError(f"{path} cannot be read ({error.strerror}): set MDW_UNIVERSE to the universe file") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise RuntimeError(f"{path} is not a universe file ({error!r}): `mdw status` shows what is wrong") from None


def _schedule(content: Mapping[str, Any]) -> dict[str, str]:
    given = content.get("schedule") or {}
    defaults = release.schedules
    return {"update": given.get("update", defaults.UPDATE), "daily": given.get("daily", defaults.DAILY)}


def _parts(content: Mapping[str, Any]) -> Iterator[Part]:
    bars, funding = content.get("bars") or {}, content.get("funding") or {}
    for venue, market, symbol in _each(bars):
        for timeframe in content["timeframes"]:
            yield Part("bars", venue, market, symbol, timeframe)
    for venue, market, symbol in _each(funding):
        yield Part("funding", venue, market, symbol)
    if content.get("instruments", True):
        for venue in dict.fromkeys([*bars, *funding]):
            yield Part("instruments", venue)
    if content.get("fear_greed", True):
        yield from (Part("fear_greed", venue) for venue in release.serving("fear_greed"))


def _each(tree: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[tuple[str, str, str]]:
    for venue, markets in tree.items():
        for market, symbols in markets.items():
            for symbol in symbols:
                yield venue, market, symbol
