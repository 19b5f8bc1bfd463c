"""One valid snapshot, and every kind of bad data that can be landed, each in its own series."""

from datetime import timedelta

from tests.audits.seeding import (
    DAY,
    HOUR,
    NOW,
    bar,
    land_another_asset,
    land_bars,
    land_elsewhere,
    land_fear_greed,
    land_funding,
    land_listing,
    minutes,
)
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START

CLOCK = {"now": NOW.isoformat()}
BTC, ETH, SOL, XRP, BNB = (f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "BNB"))


def sow_sound(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    closes = ["100", "100.1"] * 5
    land_bars(client, BTC, minutes(10), NOW - 2 * DAY)
    land_elsewhere(client, BTC, closes, NOW - 2 * DAY)
    land_funding(client, BTC, [(-8, "0.0001", "100")])
    land_listing(client, NOW - 2 * DAY, (BTC, "TRADING", "0.01"), (ETH, "TRADING", "0.01"))
    land_fear_greed(client, [(0, "50")], NOW - 2 * DAY)


def sow_bars(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    after = START + 2 * HOUR
    land_bars(client, ETH, [bar(START), bar(START + MINUTE, "100", high="99")])
    land_bars(client, SOL, [bar(START), bar(START + MINUTE, "0.001", low="0")])
    land_bars(client, XRP, [bar(START), bar(START + MINUTE, volume="-1"), bar(START + 2 * MINUTE, open="1OO")])
    land_bars(client, "SOL/BTC", [bar(START), bar(START + timedelta(seconds=90))])
    land_bars(client, "ETH/BTC", [bar(START), bar(NOW + HOUR)], NOW + DAY)
    land_bars(client, BTC, [bar(after)], timeframe="7m")
    land_bars(client, "DOGE/USDT", [bar(START)])
    land_bars(client, BTC, [bar(after)], after + timedelta(seconds=30), market="perp", server_time=after + HOUR)
    land_bars(client, ETH, minutes(60), market="perp")
    unlike = bar(START, "100.1", HOUR, open="100", low="100", high="120")
    land_bars(client, ETH, [unlike], market="perp", timeframe="1h")
    land_bars(client, SOL, [*minutes(3), *minutes(1, START + 3 * MINUTE, ("400",))], market="perp")
    flat = [bar(START + number * HOUR, "100", HOUR) for number in range(24)]
    land_bars(client, XRP, flat, market="perp", timeframe="1h")
    land_bars(client, BNB, [bar(START), bar(START + 2 * MINUTE, turnover="999")], market="perp")
    land_bars(client, BNB, [bar(START), bar(START + MINUTE, turnover="1OO")])
    # A revision of valid bars: one of three venues deviates from the two others, which agree.
    land_bars(client, BTC, [bar(START + number * MINUTE, "150") for number in range(5, 8)])


def sow_others(dbt: Dbt) -> None:
    client = dbt.warehouse.client("ingest")
    hours = (0, 8, 16, 20, 24)
    land_funding(client, BTC, [(hour, "0.0001" if hour else "0.5", "100") for hour in hours])
    land_funding(client, ETH, [(0, "0.0001", "-1"), (8, "0.0001", "100")])
    land_funding(client, SOL, [(0, "0.0001", "100"), (0.5, "0.0001", "100")])
    land_funding(client, XRP, [(24 * 11, "0.0001", "100")])
    land_funding(client, BNB, [(0, "0.0001", "100"), (8, "0.0001", "100"), (24, "0.0001", "100")])
    land_listing(client, NOW - DAY, (BTC, "TRADING", "1000"), (ETH, "LIMBO", "1OO"))
    land_another_asset(client, BNB)
    land_fear_greed(client, [(1, "150"), (5, "20"), (11, "20")], proof="part")


def tamper(dbt: Dbt) -> None:
    """Rows that no build writes: as after a crash, or written by hand."""
    of_eth = "'binance:perp:ETH/USDT' as instrument_id, 'ETH/USDT' as symbol"
    with dbt.warehouse.client("admin") as client:
        for mart, condition, changed in (
            ("bars", f"open_time = '{START:%Y-%m-%d %H:%M:%S}' and venue = 'binance' and symbol = 'BTC/USDT'", ""),
            ("funding_rates", "true", ""),
            (
                "funding_rates",
                "true",
                f", -1 as mark_price, {of_eth}",
            ),
            ("instruments", "symbol = 'BTC/USDT'", ""),
            ("instruments", "instrument_id = 'binance:spot:ETH/USDT'", ", 'ETH' as symbol, -1 as tick_size"),
            ("fear_greed", "true", ""),
        ):
            client.command(
                f"insert into marts.{mart} select * replace (0 as valid_from_version{changed}) from marts.{mart} final "
                f"where valid_to_version = 4294967295 and {condition} limit 1"
            )
