"""The first and last time of each series. Only bars of the months in which a series begins or ends are read."""

from collections.abc import Mapping
from typing import Any

from alphaforge_data import times
from alphaforge_data.manifest import Manifest
from alphaforge_data.reading import Reader
from alphaforge_data.snapshots import Snapshot

Series = tuple[str, str, str]
_QUERIES = {
    "bars": "select instrument_id, timeframe, min(open_time) as first, max(open_time) as last "
    "from marts.v_bars_at(snapshot_id = {snapshot_id:String}) where toYYYYMM(open_time) in {months:Array(UInt32)} "
    "group by instrument_id, timeframe",
    "funding": "select instrument_id, '' as timeframe, min(funding_time) as first, max(funding_time) as last "
    "from marts.v_funding_at(snapshot_id = {snapshot_id:String}) group by instrument_id",
    "instruments": "select instrument_id, '' as timeframe, min(valid_from) as first, max(valid_from) as last "
    "from marts.v_instruments_at(snapshot_id = {snapshot_id:String}) group by instrument_id",
    "fear_greed": "select '' as instrument_id, '' as timeframe, toDateTime64(min(date), 3, 'UTC') as first, "
    "toDateTime64(max(date), 3, 'UTC') as last from marts.v_fear_greed_at(snapshot_id = {snapshot_id:String})",
}


def of_dataset(reader: Reader, snapshot: Snapshot, dataset: str) -> dict[Series, tuple[int, int]]:
    """The times of the first and last row of each series, ms since 1970, by (dataset, instrument, timeframe)."""
    manifest = reader.catalog.manifest(snapshot)
    bound: Mapping[str, Any] = {"months": _edges(manifest)} if dataset == "bars" else {}
    found = {}
    for row in reader.known(snapshot, _QUERIES[dataset], bound).to_pylist():
        key = dataset, row["instrument_id"], row["timeframe"]
        found[key] = times.milliseconds("first", row["first"]), times.milliseconds("last", row["last"])
    return found


def _edges(manifest: Manifest) -> list[int]:
    """The first and the last month of every series of bars, such as 202506."""
    months = set()
    for key in manifest.series("bars"):
        held = manifest.months(*key)
        months |= {held[0].start, held[-1].start}
    moments = [times.EPOCH + start * times.MILLISECOND for start in sorted(months)]
    return [moment.year * 100 + moment.month for moment in moments]
