"""The data quality report of 100 series over 5 years: time to create it, its size, and how it opens in Chromium.

1h bars with gaps of every kind and revisions by 200 builds are generated inside ClickHouse; the audits, the report and
the page are the real ones. With 1m bars only the queries would take longer: the page shows days.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml
from clickhouse_connect.driver.client import Client

from benchmarks.built_warehouse import built_warehouse
from mdw.publishing import snapshot_build
from mdw.reports import data_quality
from tests.reports.chromium import Page, browse
from warehouse.project import PROJECT
from warehouse.settings import Settings

DAYS = 1826
_COINS = {"binance": 34, "okx": 33, "bybit": 33}
SERIES = [(venue, f"C{coin:02d}/USDT") for venue, coins in _COINS.items() for coin in range(coins)]
_PAGES = {"binance": "binance__spot_klines", "okx": "okx__spot_candles", "bybit": "bybit__spot_klines"}
_BUILDS = 200
FIRST_CHART = (PROJECT / "tests/reports/scripts/first_chart.js").read_text()

# Missing: the beginning of every fourth series, one week in 200 that was never requested, up to two days of every
# tenth week.
_BARS = """
insert into marts.bars (instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume,
    quote_volume, trade_count, source, ingested_at, valid_from_version, valid_to_version)
with
    {s} as s, intDiv(number, 168) as week,
    100 + 30 * sin(number / 2000 + {coin}) + sin(number / 30) as mid,
    mid * (1 + (cityHash64(s, number) % 100) / 100000) as c,
    cityHash64(s, number, 'revised') % 20000 as load,
    arrayJoin(if(load between 3 and {builds}, [(2, load), (load, 4294967295)], [(2, 4294967295)])) as versions
select '{venue}:spot:{symbol}', '{venue}', 'spot', '{symbol}', '1h',
    toDateTime64('2021-01-01 00:00:00', 3, 'UTC') + interval number hour as opens,
    mid, greatest(mid, c) * 1.001, least(mid, c) * 0.999, c + if(versions.1 > 2, 0.01, 0) as closes,
    10, 10 * closes, 10, 'rest', opens + interval 2 hour, versions.1, versions.2
from numbers({days} * 24)
where not (s % 4 = 0 and number < 24 * (60 + s * 5)) and cityHash64(s, week, 'never asked') % 200 != 0
    and not (cityHash64(s, week) % 10 = 0 and number % 168 < 1 + cityHash64(s, week, 'hours') % 48)
"""
_INSERT_PAGES = """
insert into raw.{table} (page_id, venue, market, symbol, venue_symbol, timeframe, lane, endpoint, request_params,
    window_start, window_end, http_status, fetched_at, server_time, row_count, payload)
with toDateTime64('2021-01-01 00:00:00', 3, 'UTC') + interval number * 168 hour as opens
select generateUUIDv4(), '{venue}', 'spot', '{symbol}', '{symbol}', '1h', 'rest', '/bench', '{{}}', opens,
    least(opens + interval 168 hour, toDateTime64('2021-01-01 00:00:00', 3, 'UTC') + interval {days} day) as closes,
    200, closes, closes, 168, '[]'
from numbers(intDiv({days} + 6, 7)) where cityHash64({s}, number, 'never asked') % 200 != 0
"""


def fill(client: Client) -> int:
    """Insert bars, pages and builds as after five years; returns the number of bars."""
    many = {"max_partitions_per_insert_block": 0}
    for number, (venue, symbol) in enumerate(SERIES):
        values = {"s": number, "venue": venue, "symbol": symbol, "coin": int(symbol[1:3]), "days": DAYS}
        client.command(_BARS.format(**values, builds=_BUILDS), settings=many)
        client.command(_INSERT_PAGES.format(**values, table=_PAGES[venue]), settings=many)
    for table in _PAGES.values():
        client.command(
            "insert into ops.build_pages (mart, page_id, version, done) "
            f"select 'bars', page_id, 1, 1 from raw.{table} where endpoint = '/bench'"
        )
    client.command(
        "insert into ops.builds (version, invocation_id, state, owner, recorded_at) "
        "select number + 2, toString(number), arrayJoin(['running', 'finished']), 'bench', "
        f"toDateTime64('2021-02-01 00:00:00', 6, 'UTC') + interval number * 9 day from numbers({_BUILDS - 1})"
    )
    client.command("optimize table marts.bars final")
    return int(client.query("select count() from marts.bars").result_rows[0][0])


def opened(path: Path, width: int = 1300) -> dict[str, float]:
    """Milliseconds from navigation to the first paint, the rendered coverage chart, the load event and the first
    interactive chart; and the number of DOM nodes then.
    """

    async def visit(page: Page) -> dict[str, float]:
        await page.size(width, 900)
        await page.open(path.as_uri())
        chart = await page.evaluate(FIRST_CHART)
        mark = "performance.getEntriesByName('coverage-sketched')[0].startTime"
        found = {"coverage shown": await page.evaluate(mark), "first chart": chart}
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        found["first paint"] = await page.evaluate(paint)
        found["load"] = await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        found["nodes"] = await page.evaluate("document.getElementsByTagName('*').length")
        assert page.problems == [], page.problems
        return found

    return browse(visit)


def screenshots(path: Path, folder: Path) -> None:
    """Save screenshots of the whole page in both themes, with every chart rendered."""
    drawn = (PROJECT / "tests/reports/scripts/all_drawn.js").read_text()

    async def visit(page: Page) -> None:
        for scheme in ("light", "dark"):
            await page.size(1300, 900)
            await page.prefer(scheme)
            await page.open(path.as_uri())
            await page.evaluate(drawn)
            await page.evaluate("new Promise(done => setTimeout(done, 800))")
            await page.screenshot(folder / f"report_{scheme}.png", whole=True)

    browse(visit)


def make(folder: Path) -> dict[str, object]:
    """Write the report of a filled warehouse into `folder`; returns the results."""
    os.environ["MDW_UNIVERSE"] = str(_universe(folder))
    with built_warehouse() as (settings, client):
        began = time.monotonic()
        bars = fill(client)
        print(f"{bars:,} bars in {time.monotonic() - began:.0f} s")
        settings = Settings(**{**settings.model_dump(), "now": datetime(2026, 1, 1, 0, 30, tzinfo=UTC)})
        assert snapshot_build.build(settings, "five-years").published
        began = time.monotonic()
        found = data_quality.collect(settings)
        collecting = time.monotonic() - began
        text = data_quality.render(found)
        (folder / "report.html").write_text(text, encoding="utf-8")
        return {
            "bars": bars,
            "findings": len(found.audits.findings),
            "gap ranges": sum(total.ranges for total in found.gaps),
            "seconds to collect": round(collecting, 2),
            "seconds to render": round(time.monotonic() - began - collecting, 2),
            "megabytes": round(len(text.encode()) / 1e6, 2),
        }


def _universe(folder: Path) -> Path:
    universe = yaml.safe_load((PROJECT / "config" / "universe.yml").read_text())
    spot = {venue: {"spot": [pair for owner, pair in SERIES if owner == venue]} for venue in _PAGES}
    universe |= {"timeframes": ["1h"], "bars": spot}
    path = folder / "universe.yml"
    path.write_text(yaml.safe_dump(universe))
    return path


def main() -> None:
    """Print the results and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--page", type=Path, help="an existing report: only open it")
    parser.add_argument("--keep", type=Path, help="folder for the page and its screenshots")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        figures = {} if arguments.page else make(place)
        page = arguments.page or place / "report.html"
        runs = [opened(page) for _ in range(arguments.runs)]
        for name in runs[0]:
            figures[name] = round(statistics.median(run[name] for run in runs))
        figures["load of the machine"] = os.getloadavg()
        if arguments.keep:
            screenshots(page, place)
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
