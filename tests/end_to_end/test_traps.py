"""Every trap of the venues through the whole pipeline: replay → ccxt → dlt → dbt → view (listed in docs/traps.md).

One warehouse for all: what the venues say at first is landed, built and published as `first`; then they say some of it
differently, and that is `second`; then Binance sends a bar off the grid, and nothing is published.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from mdw.publishing import universe as universe_of_dbt
from replay.clock import Clock
from replay.market import Bar
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from replay.synthetic.listings import outages_of_day
from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt, Outcome
from tests.end_to_end.changing import MINUTE, REVISED, ChangingMarket
from warehouse.settings import Settings

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

NOW = datetime(2025, 5, 21, 18, 20, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPOT_VENUES = ("binance", "okx", "bybit", "coinbase")
UNIVERSE = f"""
version: 1
history: {{start: 2023-03-14T06:00:00Z}}
timeframes: [1m, 1h]
bars:
{"".join(f"  {venue}: {{spot: [BTC/USDT, SOL/BTC]}}{chr(10)}" for venue in SPOT_VENUES)}
funding:
  binance: {{perp: [SOL/USDT]}}
  okx: {{perp: [BTC/USDT]}}
"""


@dataclass
class Line:
    """The replayed venues, the warehouse, and the output of each build."""

    warehouse: Warehouse
    server: ReplayServer
    market: ChangingMarket
    settings: Settings
    dbt: Dbt

    def build(self, snapshot_id: str) -> Outcome:
        return self.dbt.build(snapshot_id, now=NOW.isoformat(), **universe_of_dbt.variables(self.settings))

    def land(self, start: datetime, end: datetime = NOW, *, refetch: bool = False, **chosen: Sequence[str]) -> None:
        selection = Selection(**{name: tuple(values) for name, values in chosen.items()})
        plan = backfill.plan(self.settings, load(self.settings.universe), selection, start, end, refetch, pace=None)
        report = backfill.run(plan, pace=None)
        assert report.complete, report.failures

    def bars(self, instrument: str, timeframe: str, start: datetime, end: datetime, snapshot: str = "first"):
        return self.warehouse.rows(
            "select toUnixTimestamp64Milli(open_time), open, high, low, close, volume, quote_volume, trade_count "
            "from marts.v_bars_at(snapshot_id = {s:String}) "
            "where instrument_id = {i:String} and timeframe = {t:String} "
            "and open_time >= {a:DateTime64(3, 'UTC')} and open_time < {b:DateTime64(3, 'UTC')} order by open_time",
            s=snapshot,
            i=instrument,
            t=timeframe,
            a=start,
            b=end,
        )

    def truth(self, venue: str, symbol: str, timeframe: str, start: datetime, end: datetime) -> list[Bar]:
        """The venues' first version."""
        return TOLD_FIRST.bars(venue, "spot", symbol, timeframe, ms(start), ms(end))

    def states(self, instrument: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows(
            "select status, tick_size, venue_symbol, valid_from < valid_to, valid_to is null "
            "from marts.v_instruments_at(snapshot_id = 'second') where instrument_id = {i:String} order by valid_from",
            i=instrument,
        )

    def gaps(self, instrument: str, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
        return self.warehouse.rows(
            "select toUnixTimestamp64Milli(gap_start), toUnixTimestamp64Milli(gap_end), class from marts.v_bar_gaps "
            "where instrument_id = {i:String} and timeframe = '1m' and gap_end > {a:DateTime64(3, 'UTC')} "
            "and gap_start < {b:DateTime64(3, 'UTC')} order by gap_start",
            i=instrument,
            a=start,
            b=end,
        )


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A time in May 2025."""
    return datetime(2025, 5, day, hour, minute, tzinfo=UTC)


MORNING = at(21, 8)
LISTING = datetime(2023, 3, 14, 6, tzinfo=UTC)  # Bybit lists SOL/BTC four hours later
LAST_CLOSED = NOW.replace(second=0)
TOLD_FIRST = SyntheticMarket(seed=7)


@pytest.fixture(scope="module")
def line(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    universe: Path = tmp_path_factory.mktemp("universe") / "universe.yml"
    universe.write_text(UNIVERSE)
    market = ChangingMarket()
    with ReplayServer(market, clock=Clock.fixed(NOW)) as server:
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        home = module_warehouse.settings.home
        settings = Settings(home=home, universe=universe, now=NOW, **origins)
        dbt = Dbt(module_warehouse, tmp_path_factory.mktemp("dbt"))
        made = Line(module_warehouse, server, market, settings, dbt)
        made.land(MORNING, datasets=("bars",), timeframes=("1m",))
        made.land(at(11), datasets=("bars",), timeframes=("1h",), symbols=("BTC/USDT",))
        made.land(at(11), at(11, 6), venues=("binance",), timeframes=("1m",), symbols=("SOL/BTC",))
        made.land(at(12), at(15), venues=("coinbase",), timeframes=("1m",), symbols=("BTC/USDT",))
        made.land(LISTING, LISTING + 6 * HOUR, venues=("bybit",), timeframes=("1m",), symbols=("SOL/BTC",))
        made.land(at(1) - 3 * DAY, datasets=("funding",))
        made.land(at(20), datasets=("instruments", "fear_greed"))
        publish(made, "first")
        market.era = 2
        made.land(at(21, 9), at(21, 11), refetch=True, venues=("binance",), timeframes=("1m",), symbols=("BTC/USDT",))
        made.land(at(20), refetch=True, datasets=("instruments", "fear_greed"))
        publish(made, "second")
        yield made


def publish(line: Line, snapshot_id: str) -> None:
    outcome = line.build(snapshot_id)
    assert outcome.succeeded, outcome.text


# All venues


@pytest.mark.parametrize("symbol", ["BTC/USDT", "SOL/BTC"])
@pytest.mark.parametrize("venue", SPOT_VENUES)
def test_every_digit_of_every_closed_bar_over_page_borders_in_either_order(line: Line, venue: str, symbol: str):
    """620 minutes: three pages of 300 or less; Binance sends the oldest first, the others the newest."""
    true = line.truth(venue, symbol, "1m", MORNING, LAST_CLOSED)
    shown = line.bars(f"{venue}:spot:{symbol}", "1m", MORNING, NOW + HOUR)
    assert [row[0] for row in shown] == [bar.open_time for bar in true]
    for row, bar in zip(shown, true, strict=True):
        assert row[1:6] == tuple(float(value or "nan") for value in bar[1:6])
        known = venue != "coinbase" and bar.quote_volume is not None
        assert row[6] == (float(bar.quote_volume or "nan") if known else None)
        assert row[7] == bar.trades


@pytest.mark.parametrize("venue", SPOT_VENUES)
def test_the_open_hour_and_the_open_minute_never_appear(line: Line, venue: str):
    for timeframe, closed in (("1m", LAST_CLOSED), ("1h", NOW.replace(minute=0, second=0))):
        newest = line.bars(f"{venue}:spot:BTC/USDT", timeframe, at(21), NOW + DAY)[-1][0]
        # Coinbase may have had no trade in the last minute.
        assert closed - timedelta(minutes=5 if venue == "coinbase" else 0) - HOUR <= moment(newest) < closed


def moment(milliseconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(milliseconds)) / 1000, UTC)


@pytest.mark.parametrize("venue", ["binance", "okx", "bybit"])
def test_a_quiet_minute_is_a_flat_bar_without_volume(line: Line, venue: str):
    rows = line.bars(f"{venue}:spot:SOL/BTC", "1m", MORNING, at(21, 17))
    quiet = [(before[4], row) for before, row in pairwise(rows) if row[5] == 0]
    assert quiet
    assert all(row[1:5] == (close,) * 4 for close, row in quiet)


@pytest.mark.parametrize(
    ("instrument", "day"), [("binance:spot:SOL/BTC", 11), ("bybit:spot:BTC/USDT", 21), ("coinbase:spot:BTC/USDT", 14)]
)
def test_an_outage_has_no_rows_and_is_reported_not_filled(line: Line, instrument: str, day: int):
    (outage,) = outages_of_day(instrument.split(":")[0], "spot", ms(at(day)) // ms(datetime(1970, 1, 2, tzinfo=UTC)))
    start, end = moment(outage.start_ms), moment(outage.end_ms)
    assert line.bars(instrument, "1m", start, end) == []
    found = [gap for gap in line.gaps(instrument, start, end) if gap[2] != "no_trade"]
    assert len(found) == 1
    assert int(str(found[0][0])) <= outage.start_ms < outage.end_ms <= int(str(found[0][1]))
    assert found[0][2] == "venue_outage"


def test_history_before_the_listing_is_not_a_gap_of_ours(line: Line):
    listed = line.market.listed_ms("bybit", "spot", "SOL/BTC")
    assert line.gaps("bybit:spot:SOL/BTC", LISTING, LISTING + 3 * HOUR) == [(ms(LISTING), listed, "before_listing")]


def test_an_hour_equals_its_minutes_where_all_of_them_exist(line: Line):
    minutes = line.bars("okx:spot:BTC/USDT", "1m", at(21, 9), at(21, 10))
    (hour,) = line.bars("okx:spot:BTC/USDT", "1h", at(21, 9), at(21, 10))
    assert len(minutes) == 60
    assert hour[1:5] == (minutes[0][1], max(r[2] for r in minutes), min(r[3] for r in minutes), minutes[-1][4])
    compared = "select distinct severity from marts.dq_audit_results where audit = 'bars_hour_equals_its_minutes'"
    assert line.warehouse.rows(compared) == [("ok",)]


def test_a_revised_bar_is_a_new_version_and_the_old_pin_keeps_the_old_one(line: Line):
    window = (moment(REVISED), moment(REVISED + MINUTE))
    (before,) = line.bars("binance:spot:BTC/USDT", "1m", *window, snapshot="first")
    (after,) = line.bars("binance:spot:BTC/USDT", "1m", *window, snapshot="second")
    assert (before[:4], before[4] != after[4]) == (after[:4], True)
    assert after[4] == after[2]
    around = (at(21, 9), at(21, 11))
    both = [line.bars("binance:spot:BTC/USDT", "1m", *around, snapshot=name) for name in ("first", "second")]
    assert [old[0] for old, new in zip(*both, strict=True) if old != new] == [REVISED]


# Funding


def test_binance_funding_goes_from_eight_hours_to_four(line: Line):
    rows = line.warehouse.rows(
        "select interval_hours, toDate(min(funding_time)), count() from marts.v_funding_at(snapshot_id = 'first') "
        "where instrument_id = 'binance:perp:SOL/USDT' group by 1 order by 1"
    )
    assert [(row[0], str(row[1])) for row in rows] == [(4, "2025-05-01"), (8, "2025-04-28")]


def test_funding_times_that_jitter_are_rounded_and_kept(line: Line):
    true = line.market.funding("binance", "SOL/USDT", ms(at(1) - 3 * DAY), ms(NOW))
    rows = line.warehouse.rows(
        "select toUnixTimestamp64Milli(funding_time_raw), toUnixTimestamp64Milli(funding_time), funding_rate "
        "from marts.v_funding_at(snapshot_id = 'first') where instrument_id = 'binance:perp:SOL/USDT' order by 1"
    )
    assert [(row[0], row[2]) for row in rows] == [(event.time, float(event.rate)) for event in true]
    assert any(row[0] != row[1] for row in rows)
    assert all(int(str(row[1])) % (4 * 3_600_000) == 0 for row in rows)


def test_okx_funding_is_what_was_paid_not_what_was_predicted(line: Line):
    true = line.market.funding("okx", "BTC/USDT", ms(at(1) - 3 * DAY), ms(NOW))
    rows = line.warehouse.rows(
        "select funding_rate from marts.v_funding_at(snapshot_id = 'first') "
        "where instrument_id = 'okx:perp:BTC/USDT' order by funding_time"
    )
    assert [row[0] for row in rows] == [float(event.rate) for event in true]
    assert all(event.predicted != event.rate for event in true)


# Bybit


def test_bybit_prices_are_spot_and_turnover_fits_volume(line: Line):
    """The replay sends perpetual prices, 1 % higher, to requests without category=spot."""
    rows = line.bars("bybit:spot:BTC/USDT", "1m", MORNING, at(21, 12))
    others = {row[0]: row[4] for row in line.bars("okx:spot:BTC/USDT", "1m", MORNING, at(21, 12))}
    assert all(abs(row[4] / others[row[0]] - 1) < 0.005 for row in rows)
    assert all(row[3] * row[5] <= row[6] * (1 + 1e-9) and row[6] <= row[2] * row[5] * (1 + 1e-9) for row in rows)


# Coinbase


def test_coinbase_minutes_without_a_trade_have_no_rows_and_are_not_outages(line: Line):
    present = {row[0] for row in line.bars("coinbase:spot:SOL/BTC", "1m", MORNING, LAST_CLOSED)}
    absent = [t for t in range(ms(MORNING), ms(LAST_CLOSED), MINUTE) if t not in present]
    assert len(absent) > 200
    gaps = [gap for gap in line.gaps("coinbase:spot:SOL/BTC", MORNING, LAST_CLOSED) if gap[2] != "not_fetched"]
    assert {gap[2] for gap in gaps} == {"no_trade"}
    assert sum(int(str(gap[1])) - int(str(gap[0])) for gap in gaps) <= len(absent) * MINUTE
    ((condition, reason),) = line.warehouse.rows(
        "select toString(condition), reason from marts.v_dataset_condition where dataset = 'bars' "
        "and instrument_id = 'coinbase:spot:BTC/USDT' and timeframe = '1m' and day = '2025-05-12'"
    )
    assert (condition, reason) == ("available", "no_trade")


# Instruments


def test_a_changed_tick_size_is_a_new_state(line: Line):
    assert line.states("binance:spot:BTC/USDT") == [
        ("trading", 0.01, "BTCUSDT", True, False),
        ("trading", 0.1, "BTCUSDT", None, True),
    ]


def test_an_instrument_that_vanishes_from_the_list_is_delisted(line: Line):
    assert [(row[0], row[4]) for row in line.states("okx:spot:SOL/BTC")] == [("trading", False), ("delisted", True)]


def test_a_renamed_instrument_is_a_new_state_of_the_same(line: Line):
    assert [(row[2], row[4]) for row in line.states("bybit:spot:SOL/BTC")] == [("SOLBTC", False), ("SOLBTCNEW", True)]


# Fear & Greed


def test_fear_and_greed_days_are_utc_and_a_changed_value_is_a_version(line: Line):
    true = {moment(day.time).date(): day.value for day in line.market.fear_greed() if day.time <= ms(NOW)}
    first, second = (
        dict(line.warehouse.rows(f"select date, value from marts.v_fear_greed_at(snapshot_id = '{name}')"))
        for name in ("first", "second")
    )
    assert second == true
    assert {day for day in true if first[day] != second[day]} == {NOW.date()}


# What must not be published


@pytest.mark.soak
def test_a_bar_off_the_grid_blocks_publication_and_is_named(line: Line):
    line.market.era = 3
    line.land(at(21, 9), at(21, 11), refetch=True, venues=("binance",), timeframes=("1m",), symbols=("BTC/USDT",))
    refused = line.build("refused")
    assert not refused.succeeded
    assert "bars_on_the_grid" in refused.text
    assert line.warehouse.rows("select snapshot_id from marts.v_snapshots order by 1") == [("first",), ("second",)]
