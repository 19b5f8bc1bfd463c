"""A price changed in its last digit by a cast: detected before it is published."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.audits.seeding import DAY, HOUR, NOW, bar, land_bars
from tests.dbt.conftest import DBT_PROJECT, Dbt
from tests.dbt.pages import MINUTE, START

CLOCK = {"now": NOW.isoformat()}
# Without precise parsing, ClickHouse 26.9 reads it as 1452.6760257400001.
PRICE = "1452.67602574"


@pytest.mark.soak
def test_a_price_that_lost_its_text_is_not_published(dbt: Dbt, tmp_path: Path) -> None:
    precise = (DBT_PROJECT / "profiles.yml").read_text()
    (tmp_path / "profiles.yml").write_text(precise.replace("precise_float_parsing: 1", "precise_float_parsing: 0"))
    client = dbt.warehouse.client("ingest")
    land_bars(client, "BTC/USDT", [bar(START, "1452"), bar(START + MINUTE, PRICE)])
    land_bars(client, "ETH/USDT", [bar(START, "1452.12345678901234567")])
    outcome = replace(dbt, profiles=tmp_path).build("inexact", **CLOCK)
    assert not outcome.succeeded
    assert "audit bars_prices_keep_their_text: binance:spot:BTC/USDT 1m" in outcome.text
    assert "1 bars have a price that is not in their page: " in outcome.text

    # Correct settings alone do not repair the row in the mart: the page is fetched again.
    assert not dbt.build("still-inexact", **CLOCK).succeeded
    land_bars(client, "BTC/USDT", [bar(START, "1452"), bar(START + MINUTE, PRICE)], NOW - DAY + HOUR)
    dbt.publish("exact", **CLOCK)
    assert ("binance:spot:BTC/USDT", float(PRICE)) in dbt.bars("exact", "instrument_id, close")
    # More digits than a double has: reported, but unavoidable.
    assert dbt.warehouse.rows(
        "select instrument_id, severity, rows from marts.dq_audit_results "
        "where audit = 'bars_prices_keep_their_text' and run = (select max(run) from marts.dq_audit_results)"
    ) == [("binance:spot:ETH/USDT", "warn", 1)]
