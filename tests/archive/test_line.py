"""The archive lane through the real pipeline: replayed archives → raw → dbt → views, two builds for all tests here."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import alphaforge_data
from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.planning.universe import Universe
from mdw.publishing.universe import variable
from replay.archives.tricks import Trick
from replay.caps import Cap
from tests.archive.conftest import ALIASES
from tests.archive.older import as_landed_before
from tests.dbt.conftest import Dbt, Outcome
from tests.ingest import Ingest
from warehouse.iceberg.export import export
from warehouse.iceberg.target import Target

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOVEMBER, DECEMBER = datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC)
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
BTC = {"symbols": ("BTC/USDT",)}
SPOT_HOURS: dict[str, Any] = {**BTC, "venues": ("binance",), "markets": ("spot",), "timeframes": ("1h",)}
PERP_HOURS: dict[str, Any] = {**SPOT_HOURS, "markets": ("perp",)}
SPOT_MINUTES: dict[str, Any] = {**SPOT_HOURS, "timeframes": ("1m",)}
OKX_MINUTES: dict[str, Any] = {**BTC, "venues": ("okx",), "timeframes": ("1m",)}
FUNDING: dict[str, Any] = {**BTC, "datasets": ("funding",)}
SHORT: dict[str, Any] = {**PERP_HOURS, "symbols": ("ETH/USDT",)}
LISTING: dict[str, Any] = {"venues": ("bybit",), "datasets": ("instruments",)}


@dataclass
class Line:
    """The state after each build."""

    ingest: Ingest
    dbt: Dbt
    report: LandingReport
    first: Outcome
    second: Outcome

    def bars(self, snapshot: str, instrument: str, timeframe: str) -> dict[int, tuple[object, ...]]:
        return {
            int(row[0]): row[1:]  # type: ignore[call-overload]
            for row in self.ingest.warehouse.rows(
                "select toUnixTimestamp64Milli(open_time), open, high, low, close, volume, quote_volume, trade_count "
                "from marts.v_bars_at(snapshot_id = {s:String}) "
                "where instrument_id = {i:String} and timeframe = {t:String}",
                s=snapshot,
                i=instrument,
                t=timeframe,
            )
        }


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture(scope="module")
def line(world: Ingest, tmp_path_factory: pytest.TempPathFactory) -> Line:
    target: Path = tmp_path_factory.mktemp("target")
    dbt = Dbt(world.warehouse, target)
    # Both lanes, with a file that differs from REST in the last bar of the month.
    world.backfill(NOVEMBER, DECEMBER, "rest", **SPOT_HOURS)
    world.trick(Trick("replaced", "spot/monthly/"), Trick("duplicates", "BTC-USDT-candlesticks-2025-01-01"))
    world.land(world.plan(NOVEMBER, DECEMBER, "archive", **SPOT_HOURS))
    refetch(world, **SPOT_HOURS)
    world.backfill(NOVEMBER, DECEMBER, "archive", **PERP_HOURS)
    world.backfill(NEW_YEAR - DAY, NEW_YEAR + DAY, "archive", **SPOT_MINUTES)
    world.backfill(NEW_YEAR - 8 * HOUR, NEW_YEAR + 16 * HOUR, "archive", **OKX_MINUTES)
    world.trick(Trick("conflicts", "BTC-USDT-candlesticks-2025-01-02"))
    # A single day is faster by REST: here the file is used as auto would use a month.
    plan = world.plan(NEW_YEAR + 16 * HOUR, NEW_YEAR + 40 * HOUR, "archive", **OKX_MINUTES)
    report = world.land(replace(plan, lane="auto"))
    world.trick()
    world.backfill(NOVEMBER, DECEMBER, "rest", **FUNDING, venues=("binance",))
    # The last payment of the file has another rate.
    world.trick(Trick("replaced", "fundingRate/BTCUSDT"))
    refetch(world, **FUNDING, venues=("binance",))
    world.trick()
    world.backfill(datetime(2024, 8, 1, tzinfo=UTC), DECEMBER, "auto", **FUNDING, venues=("okx",))
    # A genuine file of a week, landed by a release that considered it complete; a listing that is truncated later.
    world.trick(Trick("short", "futures/um/monthly/klines/ETHUSDT"))
    world.backfill(NOVEMBER, DECEMBER, "archive", **SHORT)
    as_landed_before(world, "binance__archive_usdm_klines", "ETH/USDT")
    world.trick()
    world.backfill(NEW_YEAR, **LISTING)
    land_aliases(world)
    series = variable(with_aliases(world.universe))
    first = dbt.build("first", universe=series)
    assert first.succeeded, first.text
    world.land(world.plan(NOVEMBER, DECEMBER, "archive", recheck=True, **SPOT_HOURS))
    world.land(world.plan(NOVEMBER, DECEMBER, "auto", recheck_claims=True, **SHORT))
    world.server.caps = (Cap("instruments-info", 3),)
    world.update(force=True, **LISTING)
    world.server.caps = ()
    second = dbt.build("second", universe=series)
    return Line(world, dbt, report, first, second)


def refetch(world: Ingest, **chosen: Any) -> None:
    """What `--lane archive --refetch` does."""
    plan = world.plan(NOVEMBER, DECEMBER, "archive", refetch=True, **chosen)
    assert plan.files
    assert world.land(plan).complete


def with_aliases(universe: Universe) -> Universe:
    bars = {venue: {**markets, "spot": [*markets["spot"], *ALIASES]} for venue, markets in universe.bars.items()}
    funding = {venue: {"perp": [*markets["perp"], *ALIASES]} for venue, markets in universe.funding.items()}
    bars = {**universe.bars, **{venue: bars[venue] for venue in ("binance", "okx")}}
    return universe.model_copy(update={"bars": bars, "funding": funding})


def land_aliases(world: Ingest) -> None:
    """Symbols with a single letter and in another script: Binance by both lanes, OKX, payments, a listing."""
    before, world.universe = world.universe, with_aliases(world.universe)
    symbols = tuple(ALIASES)
    hours = {"venues": ("binance",), "timeframes": ("1h",), "symbols": symbols}
    assert world.backfill(NOVEMBER, DECEMBER, "archive", **hours).complete
    assert world.backfill(NEW_YEAR, NEW_YEAR + DAY, "rest", **hours).complete
    minutes = {"venues": ("okx",), "timeframes": ("1m",), "symbols": symbols}
    assert world.backfill(NEW_YEAR - 8 * HOUR, NEW_YEAR + 16 * HOUR, "archive", **minutes).complete
    assert world.backfill(NEW_YEAR + 16 * HOUR, NEW_YEAR + 18 * HOUR, "rest", **minutes).complete
    payments = {"datasets": ("funding",), "symbols": symbols}
    assert world.backfill(NOVEMBER, DECEMBER, "archive", **payments, venues=("binance",)).complete
    assert world.backfill(NEW_YEAR, NEW_YEAR + DAY, "rest", **payments).complete
    assert world.backfill(NEW_YEAR, venues=("binance",), markets=("spot",), datasets=("instruments",)).complete
    world.universe = before


@pytest.mark.parametrize(
    ("venue", "market", "timeframe", "start", "end"),
    [
        ("binance", "perp", "1h", NOVEMBER, DECEMBER),
        ("binance", "spot", "1m", NEW_YEAR - DAY, NEW_YEAR + DAY),
        ("okx", "spot", "1m", NEW_YEAR - 8 * HOUR, NEW_YEAR + 40 * HOUR),
    ],
)
def test_views_show_what_the_venue_had(
    line: Line, venue: str, market: str, timeframe: str, start: datetime, end: datetime
):
    assert line.first.succeeded, line.first.text
    true = line.ingest.market.bars(venue, market, "BTC/USDT", timeframe, milliseconds(start), milliseconds(end))
    shown = line.bars("first", f"{venue}:{market}:BTC/USDT", timeframe)
    assert sorted(shown) == [bar.open_time for bar in true]
    for bar in true:
        prices = tuple(float(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume or "nan"))
        assert shown[bar.open_time] == (*prices, float(bar.quote_volume or "nan"), bar.trades)


def test_contradicting_rows_are_kept_out_named_and_asked_of_rest(line: Line):
    assert any("conflicting rows" in notice for notice in line.report.notices)
    aside = line.ingest.warehouse.rows("select dataset, instrument_id, source, rows from marts.dq_conflicting_rows")
    assert aside == [("bars", "okx:spot:BTC/USDT", "archive", 2)]
    asked = line.ingest.warehouse.rows("select row_count, lane from ops.coverage where venue = 'okx' and lane = 'rest'")
    # The bar itself, and the neighbours that prove it.
    assert (3, "rest") in asked


def test_lanes_that_differ_are_reported_with_both_values(line: Line):
    (last,) = line.ingest.market.bars(
        "binance", "spot", "BTC/USDT", "1h", milliseconds(DECEMBER - HOUR), milliseconds(DECEMBER)
    )
    rows = line.ingest.warehouse.rows(
        "select dataset, instrument_id, timeframe, toUnixTimestamp64Milli(event_time), difference "
        "from marts.dq_lane_differences final where valid_from_version = 1 and dataset = 'bars'"
    )
    assert [row[:4] for row in rows] == [("bars", "binance:spot:BTC/USDT", "1h", last.open_time)]
    assert str(rows[0][4]).startswith("close is ")
    assert " by REST and " in str(rows[0][4])
    assert "lanes_agree" in line.first.text


def test_payments_that_differ_are_a_finding_of_funding_and_not_of_bars(line: Line):
    rows = line.ingest.warehouse.rows(
        "select dataset, instrument_id, startsWith(difference, 'funding_rate is ') "
        "from marts.dq_lane_differences final where valid_from_version = 1 and dataset != 'bars'"
    )
    assert rows == [("funding", "binance:perp:BTC/USDT", True)]
    found = line.ingest.warehouse.rows(
        "select audit, dataset, instrument_id from marts.dq_audit_results "
        "where run = 1 and endsWith(audit, 'archive_against_rest') and severity = 'warn' order by audit"
    )
    assert found == [
        ("bars_archive_against_rest", "bars", "binance:spot:BTC/USDT"),
        ("funding_archive_against_rest", "funding", "binance:perp:BTC/USDT"),
    ]
    (day,) = line.ingest.warehouse.rows(
        "select condition, reason from marts.v_dataset_condition_at(snapshot_id = 'first') "
        "where dataset = 'funding' and instrument_id = 'binance:perp:BTC/USDT' and day = '2024-11-30'"
    )
    assert day == ("degraded", "funding_archive_against_rest")


def test_a_replaced_file_is_a_revision_and_the_old_pin_stays(line: Line):
    assert line.second.succeeded, line.second.text
    before, after = (line.bars(name, "binance:spot:BTC/USDT", "1h") for name in ("first", "second"))
    changed = [time for time in after if before[time] != after[time]]
    true = line.ingest.market.bars(
        "binance", "spot", "BTC/USDT", "1h", milliseconds(DECEMBER - HOUR), milliseconds(DECEMBER)
    )
    assert changed == [true[0].open_time]
    assert after[changed[0]][3] == float(true[0].close)
    open_rows = (
        "select difference from marts.dq_lane_differences final "
        "where valid_to_version = 4294967295 and dataset = 'bars'"
    )
    assert line.ingest.warehouse.rows(open_rows) == [("",)]


def test_the_mark_price_that_rest_brought_outlives_the_archive(line: Line):
    rows = line.ingest.warehouse.rows(
        "select count(), countIf(mark_price is null), uniqExact(funding_time) "
        "from marts.v_funding_at(snapshot_id = 'first') where instrument_id = 'binance:perp:BTC/USDT'"
    )
    assert rows == [(90, 0, 90)]


def test_okx_funding_beyond_three_months_is_what_was_paid(line: Line):
    start, end = milliseconds(datetime(2024, 8, 1, tzinfo=UTC)), milliseconds(DECEMBER)
    true = [(e.time, float(e.rate)) for e in line.ingest.market.funding("okx", "BTC/USDT", start, end)]
    shown = line.ingest.warehouse.rows(
        "select toUnixTimestamp64Milli(funding_time) as t, funding_rate from marts.v_funding_at(snapshot_id = 'first') "
        f"where venue = 'okx' and t >= {start} and t < {end} order by t"
    )
    assert shown == true


def test_a_file_of_a_week_is_repaired_by_one_command_and_the_old_pin_stays(line: Line):
    """Landed by a release that considered the file's period proven: an outage of three weeks that was never
    requested."""
    instrument = "binance:perp:ETH/USDT"
    true = [
        bar.open_time
        for bar in line.ingest.market.bars(
            "binance", "perp", "ETH/USDT", "1h", milliseconds(NOVEMBER), milliseconds(DECEMBER)
        )
    ]
    before, after = (sorted(line.bars(name, instrument, "1h")) for name in ("first", "second"))
    assert before == true[: len(true) // 4]
    assert after == true
    gaps = line.ingest.warehouse.rows(
        "select snapshot_id, class, sum(missing_bars) from (select * from marts.v_bar_gaps_at(snapshot_id = 'first') "
        "union all select * from marts.v_bar_gaps_at(snapshot_id = 'second')) "
        f"where instrument_id = '{instrument}' and timeframe = '1h' and gap_start >= {{n:DateTime64(3, 'UTC')}} "
        "group by 1, 2 order by 1, 2",
        n=NOVEMBER,
    )
    # The coverage is also withdrawn for the old pin: its rows stay, and what it lacks was never fetched.
    still = [("second", "venue_outage", 720 - len(true))] if len(true) < 720 else []
    assert gaps == [("first", "not_fetched", 720 - len(before)), *still]


def test_a_listing_that_is_cut_short_leaves_every_state_as_it_was(line: Line):
    states = line.ingest.warehouse.rows(
        "select toString(status), count() from marts.v_instruments_at(snapshot_id = 'second') "
        "where venue = 'bybit' group by 1"
    )
    assert states == [("trading", 6)]
    findings = line.ingest.warehouse.rows(
        "select detail from marts.dq_audit_results where run = 2 and audit = 'listings_are_whole' and severity = 'warn'"
    )
    assert findings == [("instruments bybit spot: 3 records, of 6 in an earlier response",)]


def test_symbols_of_one_letter_and_of_another_script_are_symbols(line: Line):
    """From the request to the view, the SDK, and an export."""
    places = (
        ("binance", "1h", NOVEMBER, DECEMBER),
        ("binance", "1h", NEW_YEAR, NEW_YEAR + DAY),
        ("okx", "1m", NEW_YEAR - 8 * HOUR, NEW_YEAR + 18 * HOUR),
    )
    for venue, timeframe, start, end in places:
        for symbol in ALIASES:
            true = line.ingest.market.bars(venue, "spot", symbol, timeframe, milliseconds(start), milliseconds(end))
            shown = line.bars("first", f"{venue}:spot:{symbol}", timeframe)
            found = {
                time: float(str(row[3]))
                for time, row in shown.items()
                if milliseconds(start) <= time < milliseconds(end)
            }
            assert found == {bar.open_time: float(bar.close) for bar in true}
            assert len(found) > 20
    for venue, start, end in (
        ("binance", NOVEMBER, DECEMBER),
        *((venue, NEW_YEAR, NEW_YEAR + DAY) for venue in ("binance", "okx")),
    ):
        for symbol in ALIASES:
            paid = line.ingest.market.funding(venue, symbol, milliseconds(start), milliseconds(end))
            shown_rates = line.ingest.warehouse.rows(
                "select funding_rate from marts.v_funding_at(snapshot_id = 'first') where instrument_id = {i:String} "
                "and funding_time >= {a:DateTime} and funding_time < {b:DateTime} order by funding_time",
                i=f"{venue}:perp:{symbol}",
                a=start,
                b=end,
            )
            assert shown_rates == [(float(payment.rate),) for payment in paid]
            assert len(paid) >= 3
    warehouse = line.ingest.warehouse
    names = warehouse.rows(
        "select symbol, venue_symbol, toString(status) from marts.v_instruments_at(snapshot_id = 'first') "
        "where venue = 'binance' and market = 'spot' and symbol in {s:Array(String)} order by 1",
        s=list(ALIASES),
    )
    assert names == [("W/USDT", "WUSDT", "trading"), ("币安人生/USDT", "币安人生USDT", "trading")]

    researcher = warehouse.settings.connection("researcher")
    url = f"http://{researcher.user}:{researcher.password}@{researcher.host}:{researcher.http_port}"
    window: dict[str, Any] = {"start": NEW_YEAR, "end": NEW_YEAR + DAY}
    with alphaforge_data.connect(url, snapshot_id="first", cache=False) as client:
        frame = client.bars(list(ALIASES), "1h", venue="binance", **window)
    assert set(frame.to_arrow()["instrument_id"].to_pylist()) == {f"binance:spot:{symbol}" for symbol in ALIASES}

    lake = warehouse.settings.home / "clickhouse" / "lake"
    export(warehouse.settings, "first", Target(str(lake)), datasets=("bars",))
    exported = warehouse.rows(
        f"select instrument_id, count() from icebergLocal('{lake}/bars') "
        "where timeframe = '1h' and symbol in {s:Array(String)} group by 1 order by 1",
        s=list(ALIASES),
    )
    assert exported == [
        (f"binance:spot:{symbol}", len(line.bars("first", f"binance:spot:{symbol}", "1h"))) for symbol in ALIASES
    ]
