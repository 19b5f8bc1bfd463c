"""Recorded funding, merged from all files of a symbol."""

from collections.abc import Iterator
from pathlib import Path

from replay.decimals import plain
from replay.market import Funding
from replay.recordings.catalog import FundingFile
from replay.recordings.files import read_json, read_rows, utc_ms


def merged(folder: Path, files: list[FundingFile]) -> list[Funding]:
    """Events ascending; if two files have the same event, the first one's values are kept and its gaps are filled."""
    events: dict[int, Funding] = {}
    for file in files:
        for event in _READERS[file.file_format](folder / file.path):
            known = events.get(event.time)
            events[event.time] = event if known is None else _filled(known, event)
    return [events[time] for time in sorted(events)]


def _filled(known: Funding, other: Funding) -> Funding:
    predicted = other.predicted if known.predicted is None else known.predicted
    mark_price = other.mark_price if known.mark_price is None else known.mark_price
    return known._replace(predicted=predicted, mark_price=mark_price)


def _api_csv(path: Path) -> Iterator[Funding]:
    """timestamp (with its jitter), symbol, rate as Binance's text; no mark price."""
    for time, _, rate in read_rows(path):
        yield Funding(int(time), rate)


def _mark_csv(path: Path) -> Iterator[Funding]:
    """symbol, ISO time (with its jitter), rate, mark price (empty in early years)."""
    for _, time, rate, mark in read_rows(path):
        yield Funding(utc_ms(time), plain(rate), None, plain(mark) if mark else "")


def _okx_json(path: Path) -> Iterator[Funding]:
    """Records of funding-rate-history as sent."""
    for record in read_json(path)["funding-rate-history"]["data"]:
        extra = (("formulaType", record["formulaType"]), ("method", record["method"]))
        yield Funding(int(record["fundingTime"]), record["realizedRate"], record["fundingRate"], None, extra)


def _okx_csv(path: Path) -> Iterator[Funding]:
    """symbol, time, time again, fundingRate, realizedRate; the other fields were not kept."""
    for _, time, _, predicted, paid in read_rows(path):
        yield Funding(int(time), plain(paid), plain(predicted), None, (("formulaType", None), ("method", None)))


_READERS = {"api_csv": _api_csv, "mark_csv": _mark_csv, "okx_json": _okx_json, "okx_csv": _okx_csv}
