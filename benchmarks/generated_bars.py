"""Generates 1m bars with revisions over many loads inside ClickHouse, for the results in docs/performance.md."""

from collections.abc import Iterator
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

VENUES = ("binance", "bybit", "okx")
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC")
SERIES = tuple(f"{venue}:spot:{symbol}" for venue in VENUES for symbol in SYMBOLS)
LAST_YEAR = 2018
LOADS = 200
_PRICES = (60000.0, 3000.0, 150.0, 0.6, 0.0025, 0.05)
_DECIMALS = (2, 2, 2, 4, 7, 6)

# One row in a hundred is revised, by one of the loads 1..200 (versions 2..201): the first copy closes there.
_ROWS = """
insert into marts.bars (instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume,
    quote_volume, trade_count, source, ingested_at, valid_from_version, valid_to_version)
with
    {series:Array(String)} as names,
    {prices:Array(Float64)}[1 + s % 6] as base,
    {decimals:Array(UInt8)}[1 + s % 6] as places,
    intDiv(number, {minutes:UInt64}) as s,
    toDateTime({start:UInt32}, 'UTC') + 60 * (number % {minutes:UInt64}) as opens,
    intDiv(toUnixTimestamp(opens), 60) as minute,
    (m -> base * (1 + 0.3 * sin(m / 90000 + s) + 0.01 * sin(m / 700)
        + 0.0004 * (cityHash64(m, s) % 1000) / 1000)) as price,
    1 + cityHash64(s, minute, 'revised') % (100 * {loads:UInt32}) as load,
    arrayJoin(if(load <= {loads:UInt32}, [(1, load + 1), (load + 1, 4294967295)], [(1, 4294967295)])) as versions
select
    names[1 + s], splitByChar(':', names[1 + s])[1], 'spot', splitByChar(':', names[1 + s])[3], '1m', opens,
    round(price(minute), places) as o, round(greatest(o, c) * 1.0003, places), round(least(o, c) * 0.9997, places),
    round(price(minute + 1) * if(versions.1 > 1, 1.0001, 1), places) as c,
    round((cityHash64(minute, s, 'v') % 10000000) / 100000, 5) as volume, round(volume * c, 7),
    cityHash64(minute, s, 'n') % 3000, 'rest', opens + interval 1 day + versions.1, versions.1, versions.2
from numbers({minutes:UInt64} * length(names))
settings max_block_size = 2000000, max_threads = 1,
    min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0
"""

# Their pages of 720 bars, built long ago. The payloads are empty, as no build reads them again.
_PAGES = """
insert into raw.{venue}__spot_{entity} (page_id, venue, market, symbol, venue_symbol, timeframe, lane, endpoint,
    request_params, window_start, window_end, http_status, fetched_at, server_time, row_count, payload)
select generateUUIDv4(), '{venue}', 'spot', arrayJoin({symbols}) as symbol, symbol, '1m', 'rest', '/bench', '{{}}',
    toDateTime64({start}, 3, 'UTC') + interval 12 * number hour as opens, opens + interval 12 hour, 200,
    opens + interval 36 hour, opens + interval 36 hour, 720, '[]'
from numbers({pages})
"""
_DONE = """
insert into ops.build_pages (mart, page_id, version, done)
select 'bars', page_id, 1, 1 from raw.{venue}__spot_{entity} where endpoint = '/bench'
"""
_ENTITIES = {"binance": "klines", "okx": "candles", "bybit": "klines"}


def fill(client: Client, months: int) -> int:
    """Insert this many months of all series into marts.bars, one part per month, with pages; returns the bar count."""
    bars = 0
    for start, end in month_edges(months):
        minutes = int((end - start).total_seconds()) // 60
        client.command(
            _ROWS,
            parameters={
                "series": list(SERIES),
                "prices": list(_PRICES),
                "decimals": list(_DECIMALS),
                "minutes": minutes,
                "start": int(start.timestamp()),
                "loads": LOADS,
            },
        )
        bars += minutes * len(SERIES)
    for venue, entity in _ENTITIES.items():
        for start, end in month_edges(months):
            pages = int((end - start).total_seconds()) // 43_200
            values = {"symbols": list(SYMBOLS), "start": int(start.timestamp()), "pages": pages}
            client.command(
                _PAGES.format(venue=venue, entity=entity, **values), settings={"max_partitions_per_insert_block": 0}
            )
        client.command(_DONE.format(venue=venue, entity=entity))
    # As after real builds: FINAL over parts that have been merged once is free.
    for start, _ in month_edges(months):
        client.command(f"optimize table marts.bars partition {start:%Y%m} final")
    return bars


def month_edges(months: int) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) of each month, up to the end of LAST_YEAR."""
    for number in range(12 * (LAST_YEAR + 1) - months, 12 * (LAST_YEAR + 1)):
        yield _month(number), _month(number + 1)


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
