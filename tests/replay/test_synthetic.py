"""The synthetic market is consistent with itself."""

from collections import defaultdict
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise

import pytest

from replay.clock import parse_instant
from replay.synthetic import SyntheticMarket
from replay.synthetic.listings import LISTINGS

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = parse_instant("2025-03-10T00:00Z")
ALL = sorted(LISTINGS)


def digest(market, *series):
    rows = (market.bars(*key, START, START + DAY) for key in series)
    return sha256(repr(list(rows)).encode()).hexdigest()


def test_it_holds_every_instrument_of_the_product():
    spot = {"BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC"}
    perps = {"BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT"}
    held = defaultdict(set)
    for venue, market, symbol in ALL:
        held[venue, market].add(symbol)
    assert held == {
        ("binance", "spot"): spot,
        ("okx", "spot"): spot,
        ("bybit", "spot"): spot,
        ("coinbase", "spot"): spot,
        ("binance", "perp"): perps,
        ("okx", "perp"): perps,
    }


def test_a_seed_means_the_same_text_whatever_was_asked_before(market):
    fresh = SyntheticMarket(seed=7)
    keys = [(*key, "1m") for key in ALL[::3]]
    assert digest(fresh, *keys) == digest(market, *keys)
    assert digest(SyntheticMarket(seed=8), *keys) != digest(market, *keys)


@pytest.mark.parametrize("key", ALL, ids=":".join)
def test_bars_are_sound(market, key):
    listing = LISTINGS[key]
    bars = market.bars(*key, "1m", START - 6 * HOUR, START + 6 * HOUR)
    tick, lot = (Decimal(1).scaleb(-d) for d in (listing.price_decimals, listing.lot_decimals))
    assert [bar.open_time for bar in bars] == sorted({bar.open_time for bar in bars})
    for bar in bars:
        o, h, low, c, v, q = map(Decimal, bar[1:7])
        assert 0 < low <= min(o, c) <= max(o, c) <= h
        assert all(price % tick == 0 for price in (o, h, low, c))
        assert v % lot == 0
        assert (v == q == 0 and o == h == low == c) or (v > 0 and low * v <= q <= h * v)
    for earlier, later in pairwise(bars):
        if later.open_time == earlier.open_time + MINUTE:
            assert Decimal(later.open) == Decimal(earlier.close)


@pytest.mark.parametrize("key", ALL, ids=":".join)
def test_an_hour_is_the_exact_roll_up_of_its_minutes(market, key):
    start, end = parse_instant("2025-03-11T00:00Z"), parse_instant("2025-03-11T06:00Z")
    hours = defaultdict(list)
    for bar in market.bars(*key, "1m", start, end):
        hours[bar.open_time // HOUR * HOUR].append(bar)
    rolled = [
        (
            time,
            Decimal(bars[0].open),
            max(Decimal(bar.high) for bar in bars),
            min(Decimal(bar.low) for bar in bars),
            Decimal(bars[-1].close),
            sum(Decimal(bar.volume) for bar in bars),
            sum(Decimal(bar.quote_volume) for bar in bars),
            sum(bar.trades for bar in bars) if key[0] == "binance" else None,
        )
        for time, bars in hours.items()
    ]
    native = [(b[0], *map(Decimal, b[1:7]), b.trades) for b in market.bars(*key, "1h", start, end)]
    assert native == rolled


def test_quiet_minutes_are_flat_bars_of_volume_zero(market):
    bars = market.bars("okx", "spot", "SOL/BTC", "1m", START, START + DAY)
    quiet = [bar for bar in bars if bar.volume == "0"]
    assert len(bars) == 1440
    assert 200 < len(quiet) < 600
    assert all(bar.open == bar.high == bar.low == bar.close and bar.quote_volume == "0" for bar in quiet)


def test_venues_agree_within_a_few_basis_points_and_crosses_follow_their_legs(market):
    close = {
        (venue, symbol): float(market.bars(venue, "spot", symbol, "1m", START, START + MINUTE)[0].close)
        for venue in ("binance", "okx", "bybit")
        for symbol in ("BTC/USDT", "ETH/USDT", "ETH/BTC")
    }
    for venue in ("okx", "bybit"):
        assert close[venue, "BTC/USDT"] == pytest.approx(close["binance", "BTC/USDT"], rel=0.002)
        assert close[venue, "BTC/USDT"] != close["binance", "BTC/USDT"]
    for venue in ("binance", "okx", "bybit"):
        assert close[venue, "ETH/BTC"] == pytest.approx(close[venue, "ETH/USDT"] / close[venue, "BTC/USDT"], rel=0.002)


def test_a_declared_outage_leaves_exactly_its_minutes_out(market):
    start = parse_instant("2025-03-21T00:00Z")
    (outage,) = market.outages("bybit", "spot", start, start + DAY)
    times = {bar.open_time for bar in market.bars("bybit", "spot", "BTC/USDT", "1m", start, start + DAY)}
    assert set(range(start, start + DAY, MINUTE)) - times == set(range(outage.start_ms, outage.end_ms, MINUTE))


def test_an_hour_that_was_all_outage_has_no_bar_and_a_half_one_has(market):
    start = parse_instant("2025-03-11T00:00Z")
    hours = [
        (b.open_time - start) // HOUR for b in market.bars("binance", "spot", "BTC/USDT", "1h", start, start + DAY)
    ]
    assert hours == [0, 1, 4, *range(5, 24)]


def test_what_was_not_asked_of_the_venue_stays_unknown(market):
    okx = market.bars("okx", "spot", "BTC/USDT", "1m", START, START + MINUTE)[0]
    assert (okx.trades, okx.taker_base, okx.contracts) == (None, None, None)


def test_years_of_prices_stay_in_a_believable_range(market):
    for key in (("binance", "spot", "BTC/USDT"), ("okx", "spot", "SOL/BTC"), ("binance", "perp", "XRP/USDT")):
        bars = [market.bars(*key, "1h", t, t + HOUR) for t in range(START - 800 * DAY, START + 300 * DAY, 100 * DAY)]
        prices = [float(bar.close) for found in bars for bar in found]
        assert max(prices) / min(prices) < 20
