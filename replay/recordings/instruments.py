"""Recorded instruments, in the format of the day they were recorded."""

from collections.abc import Iterable
from pathlib import Path

from replay.market import Record
from replay.recordings.files import read_json


def read(folder: Path, paths: Iterable[str]) -> tuple[Record, list[Record]]:
    """What surrounded the records (Binance only), and the newest record of every instrument."""
    around: Record = {}
    found: dict[str, Record] = {}
    for path in paths:
        if not (folder / path).is_file():
            continue
        body = read_json(folder / path)
        records = body if isinstance(body, list) else body.get("symbols", body.get("data"))
        if "binance/" in path:
            around = {name: value for name, value in body.items() if name != "symbols"}
        found |= {record.get("symbol") or record["instId"]: record for record in records}
    return around, list(found.values())


def symbols(venue: str, market: str, records: list[Record]) -> dict[str, str]:
    """Canonical symbol by venue symbol; of futures only the linear perpetuals."""
    found = {}
    for record in records:
        if venue == "okx" and market == "perp":
            if record["ctType"] == "linear":
                found[record["instId"]] = record["uly"].replace("-", "/")
        elif venue == "okx":
            found[record["instId"]] = f"{record['baseCcy']}/{record['quoteCcy']}"
        elif venue == "bybit":
            found[record["symbol"]] = f"{record['baseCoin']}/{record['quoteCoin']}"
        elif market == "spot" or record["contractType"] == "PERPETUAL":
            found[record["symbol"]] = f"{record['baseAsset']}/{record['quoteAsset']}"
    return found
