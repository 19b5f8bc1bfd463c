"""Recorded Fear & Greed."""

from pathlib import Path

from replay.market import Sentiment
from replay.recordings.catalog import SENTIMENT
from replay.recordings.files import read_json, read_rows, utc_ms


def days(folder: Path) -> list[Sentiment]:
    """All days of both long files, ascending; days that only the second has are without classification."""
    classified, values = (folder / path for path in SENTIMENT)
    found: dict[int, Sentiment] = {}
    if values.is_file():
        for day, value in read_rows(values):
            found[_midnight(day)] = Sentiment(_midnight(day), int(value), None)
    if classified.is_file():
        for row in read_json(classified):
            time = _midnight(row["date"])
            found[time] = Sentiment(time, row["fear_greed_value"], row["fear_greed_class"])
    return [found[time] for time in sorted(found)]


def _midnight(day: str) -> int:
    return utc_ms(day + " 00:00:00")
