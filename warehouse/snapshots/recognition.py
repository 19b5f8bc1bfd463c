"""Determines from the rows how older snapshots were hashed, which did not record it, and records it."""

from clickhouse_connect.driver.client import Client

from warehouse.snapshots import manifest
from warehouse.snapshots.hashing import FUNCTIONS, RowHash
from warehouse.snapshots.layout import BY_NAME
from warehouse.snapshots.manifest import Manifest

# Fallback if the rows are inconclusive: the function of the last revisions that did not record it.
_LAST = "xxh3_128"
# This many parts of each dataset, the smallest ones, are hashed, and the function that most of them confirm is used: a
# few damaged rows must not decide.
_ASKED = 3


def _covered(columns: str) -> list[tuple[str, str]]:
    known = {
        "text": "LowCardinality(String)",
        "time": "DateTime64(3, 'UTC')",
        "received": "DateTime64(6, 'UTC')",
        "number": "Float64",
        "optional": "Nullable(Float64)",
    }
    pairs = [column.split(":") for column in columns.split()]
    return [(name, known.get(kind, kind)) for name, kind in pairs]


# What every manifest covered before snapshots recorded it; no mart had got new columns by then.
COLUMNS = {
    "bars": _covered(
        "instrument_id:text venue:text market:text symbol:text timeframe:text open_time:time open:number high:number "
        "low:number close:number volume:number quote_volume:optional trade_count:Nullable(UInt64) source:text "
        "ingested_at:received"
    ),
    "funding": _covered(
        "instrument_id:text venue:text symbol:text funding_time:time funding_time_raw:time funding_rate:number "
        "mark_price:optional source:text ingested_at:received"
    ),
    "instruments": [
        *_covered(
            "instrument_id:text valid_from:time venue:text market:text symbol:text venue_symbol:String base:text "
            "quote:text settle:text status:text tick_size:optional lot_size:optional min_qty:optional "
            "min_notional:optional contract_size:optional"
        ),
        ("listed_at", "Nullable(DateTime64(3, 'UTC'))"),
        *_covered("source:text ingested_at:received"),
    ],
    "fear_greed": _covered("date:Date value:UInt8 classification:text source:text ingested_at:received"),
}


def record(client: Client) -> list[str]:
    """Record how each snapshot without that information was hashed; returns their ids. `client`: admin."""
    if not client.command("exists table marts.snapshots"):
        return []
    silent = client.query(
        "select snapshot_id, data_version from marts.snapshots where row_hash = '' order by data_version"
    ).result_rows
    for snapshot_id, data_version in silent:
        client.command(
            f"alter table marts.snapshots update row_hash = {{function:String}}, "
            f"hashed_columns = {_columns_sql()} where snapshot_id = {{id:String}} and row_hash = '' "
            "settings mutations_sync = 1",
            parameters={"function": recognized(client, data_version).function, "id": snapshot_id},
        )
    return [str(snapshot_id) for snapshot_id, _ in silent]


def recognized(client: Client, data_version: int, published: Manifest | None = None) -> RowHash:
    """The row hash that reproduces a manifest (default: the stored one) from the rows of a data version."""
    votes = dict.fromkeys(FUNCTIONS, 0)
    for name, parts in (published or manifest.published(client, data_version)).items():
        smallest = sorted(parts, key=lambda part: parts[part].row_count)[:_ASKED]
        months = {month for _, _, month in smallest}
        for function in FUNCTIONS if months else ():
            found = manifest.recomputed(client, BY_NAME[name], data_version, RowHash(function, COLUMNS), months)
            votes[function] += sum(found.get(part) == parts[part] for part in smallest)
    return RowHash(max(votes, key=lambda function: (votes[function], function == _LAST)), COLUMNS)


def _columns_sql() -> str:
    datasets = []
    for name, pairs in COLUMNS.items():
        columns = ", ".join("('{}', '{}')".format(column, kind.replace("'", "\\'")) for column, kind in pairs)
        datasets.append(f"'{name}', [{columns}]")
    return f"cast(map({', '.join(datasets)}) as Map(String, Array(Tuple(String, String))))"
