"""The life cycle of snapshots for quants, auditors and operators: published, compared, protected, dropped, verified."""

from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

import alphaforge_data
from tests.dbt.conftest import Dbt
from tests.dbt.pages import START, kline, land_klines
from tests.snapshots.conftest import quick_publish

DAY = timedelta(days=1)
ORDERED = "order by instrument_id, timeframe, open_time"


@pytest.fixture(scope="module")
def pins(module_dbt: Dbt) -> Dbt:
    """Snapshots first (3 bars), second (one revised, one new), third (another revised), fourth (as third)."""
    client = module_dbt.warehouse.client("ingest")
    land_klines(client, [kline(0), kline(1), kline(2)], START + DAY)
    module_dbt.publish("first", snapshot_note="before the correction", code_revision="abc")
    land_klines(client, [kline(1, "100.9"), kline(3)], START + 2 * DAY)
    quick_publish(module_dbt, "second")
    land_klines(client, [kline(1, "100.8"), kline(2, "100.7")], START + 3 * DAY)
    quick_publish(module_dbt, "third")
    quick_publish(module_dbt, "fourth")
    return module_dbt


@pytest.fixture(scope="module")
def before(pins: Dbt) -> dict[str, list[tuple[object, ...]]]:
    """What each pin showed initially."""
    return {name: pins.bars(name) for name in ("first", "second", "third", "fourth")}


def test_every_pin_verifies_and_is_described(pins, before, mdw):
    assert [len(rows) for rows in before.values()] == [3, 4, 4, 4]
    results = mdw("verify", "--all", "--json")
    assert results.code == 0
    assert [(item["snapshot_id"], item["rows"], item["holds"]) for item in results.json] == [
        ("fourth", 4, True),
        ("third", 4, True),
        ("second", 4, True),
        ("first", 3, True),
    ]
    shown = mdw("show", "first", "--json").json
    assert (shown["note"], shown["code_revision"], shown["protected"]) == ("before the correction", "abc", False)
    bars = next(item for item in shown["datasets"] if item["dataset"] == "bars")
    # The bars of minutes 1 as first landed: only `first` shows it; minute 2's first state is in `second` as well.
    assert (bars["row_count"], bars["own_rows"]) == (3, 1)
    assert mdw("show", "first").code == 0
    assert [item["snapshot_id"] for item in mdw("list", "--json").json] == ["fourth", "third", "second", "first"]


def test_a_withdrawn_snapshot_stays_and_its_readers_are_warned(pins, before, mdw):
    connection = pins.warehouse.settings.connection("researcher")
    url = f"http://{connection.user}:{connection.password}@{connection.host}:{connection.http_port}/"
    early = alphaforge_data.connect(url, snapshot_id="second", cache=False)
    assert mdw("withdraw", "second").code == 2
    assert mdw("withdraw", "second", "--reason", "volumes of OKX are 100 times too small", "--json").json["changed"]
    assert "already" in mdw("withdraw", "second", "--reason", "volumes of OKX are 100 times too small").err
    assert "WITHDRAWN: volumes of OKX" in mdw("list").out
    assert "withdrawn, known to be bad: volumes of OKX" in mdw("show", "second").out
    marked = (
        "select snapshot_id, withdrawn_reason from marts.v_snapshots where withdrawn_at is not null "
        "settings join_use_nulls = "
    )
    for setting in (0, 1):
        assert pins.warehouse.rows(f"{marked}{setting}") == [("second", "volumes of OKX are 100 times too small")]
    with pytest.warns(alphaforge_data.WithdrawnSnapshot, match="'second' was withdrawn: volumes of OKX"):
        early.bars("BTC/USDT", "1m", venue="binance")
    with pytest.warns(alphaforge_data.WithdrawnSnapshot, match="'second' was withdrawn: volumes of OKX"):
        client = alphaforge_data.connect(url, snapshot_id="second", cache=False)
    assert client.bars("BTC/USDT", "1m", venue="binance").num_rows == len(before["second"])
    assert mdw("verify", "second").code == 0

    assert mdw("withdraw", "second", "--undo").code == 0
    assert pins.warehouse.rows(f"{marked}0") == []
    assert alphaforge_data.connect(url, snapshot_id="second", cache=False).snapshot().facts["withdrawn_reason"] == ""


def test_diff_names_rows_added_revised_and_removed(pins, mdw, tmp_path):
    found = mdw("diff", "first", "second", "--json").json
    assert (found["added"], found["revised"], found["removed"]) == (1, 1, 0)
    assert found["series"] == [
        {
            "dataset": "bars",
            "instrument_id": "binance:spot:BTC/USDT",
            "timeframe": "1m",
            "added": 1,
            "revised": 1,
            "removed": 0,
        }
    ]
    revised, added = sorted(found["rows"], key=lambda row: row["change"], reverse=True)
    assert (revised["key"]["open_time"], revised["old"]["close"], revised["new"]["close"]) == (
        "2025-01-01T00:01:00Z",
        100.5,
        100.9,
    )
    assert "open" not in revised["old"]
    assert (added["old"], added["new"]["close"]) == (None, 100.5)

    revisions = mdw("diff", "first", "second", "--only", "revised", "--json").json
    assert (revisions["added"], revisions["revised"], [row["change"] for row in revisions["rows"]]) == (
        0,
        1,
        ["revised"],
    )
    assert mdw("diff", "first", "second", "--only", "changed").code == 2

    back = mdw("diff", "second", "first", "--json").json
    assert (back["added"], back["revised"], back["removed"]) == (0, 1, 1)
    assert mdw("diff", "third", "fourth").out.strip() == "third and fourth show the same rows."

    assert mdw("diff", "first", "second", "--parquet", str(tmp_path / "d.parquet")).code == 0
    rows = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [(row["change"], row["old_close"], row["new_close"]) for row in rows] == [
        ("revised", 100.5, 100.9),
        ("added", None, 100.5),
    ]
    assert rows[0]["new_funding_rate"] is None
    missing = mdw("diff", "first", "second", "--parquet", str(tmp_path / "none" / "d.parquet"))
    assert missing.code == 2
    assert "there is no folder" in missing.err


def test_an_unpinned_read_by_a_researcher_is_an_error(pins, before):
    with pins.warehouse.client("researcher") as researcher:
        for query in ("select * from marts.v_bars limit 1", "select count() from marts.v_funding"):
            with pytest.raises(DatabaseError, match="filter by a snapshot_id, otherwise every snapshot is read"):
                researcher.query(query)
        both = "select count() from marts.v_bars where snapshot_id in ('first', 'third')"
        assert researcher.command(both) == 7
        joined = (
            "select count() from marts.v_bars as a join marts.v_bars as b using (instrument_id, timeframe, open_time) "
            "where a.snapshot_id = 'first' and b.snapshot_id = 'third' and a.close != b.close"
        )
        assert researcher.command(joined) == 2
        rows = researcher.query(f"select * from marts.v_bars where snapshot_id = 'first' {ORDERED}").result_rows
        assert [tuple(row) for row in rows] == before["first"]


def view_text(pins, name: str) -> str:
    [(text,)] = pins.warehouse.rows(f"select as_select from system.tables where database = 'marts' and name = '{name}'")
    return str(text)


def test_archived_pins_say_so_and_come_back_when_protected(pins, before, mdw):
    by_name = "select count() from marts.v_bars where snapshot_id = 'first'"
    # Nothing is archived before the views can report it: an empty result would be wrong.
    quick_publish(pins, "fifth", live_pins=2)
    with pins.warehouse.client("researcher") as researcher:
        assert researcher.command(by_name) == 3
    assert "snaps.archived" not in view_text(pins, "v_bars")

    readers = pins.run("run", "--select", "v_bars", "v_funding", "v_instruments", "v_fear_greed", live_pins=2)
    assert readers.succeeded, readers.text
    assert "snaps.archived" in view_text(pins, "v_bars")
    reconciled = pins.run("run-operation", "reconcile_snapshots", live_pins=2)
    assert reconciled.succeeded, reconciled.text
    stopped = (
        by_name,
        f"{by_name} and instrument_id = 'binance:spot:BTC/USDT' and open_time >= '2020-01-01' and close > 0",
        "select close from marts.v_bars where snapshot_id = 'first' and instrument_id = 'no such'",
        "select max(open_time) from marts.v_bars where snapshot_id in ('first', 'fourth') and timeframe = '1m'",
        "select count() from marts.v_funding where snapshot_id = 'first' and funding_rate > 1",
        "select status from marts.v_instruments where snapshot_id = 'first' limit 1",
        "select * from marts.v_fear_greed where snapshot_id = 'first'",
    )
    with pins.warehouse.client("researcher") as researcher:
        for query in stopped:
            with pytest.raises(DatabaseError, match="archived: read it through"):
                researcher.query(query)
        assert pins.bars("first") == before["first"]
        assert researcher.command("select count() from marts.v_bars where snapshot_id = 'fourth'") == 4

        assert mdw("protect", "first").code == 0
        assert researcher.command(by_name) == 3
    assert pins.bars("first") == before["first"]


def test_what_may_not_be_dropped_is_refused(pins, mdw):
    protected = mdw("drop", "first", "--yes")
    assert (protected.code, "is protected" in protected.err) == (2, True)
    newest = mdw("drop", "fifth", "--yes")
    assert (newest.code, "is the newest one" in newest.err) == (2, True)
    unknown = mdw("drop", "nothing", "--yes")
    assert (unknown.code, "There is no snapshot 'nothing'" in unknown.err) == (2, True)
    unconfirmed = mdw("drop", "second")
    assert (unconfirmed.code, "it was not confirmed" in unconfirmed.err) == (2, True)
    assert len(mdw("list", "--json").json) == 5


def test_a_drop_frees_its_own_rows_and_touches_no_neighbour(pins, before, mdw):
    stored = pins.warehouse.rows("select count() from marts.bars final")
    said = mdw("drop", "second", "--yes", "--json").json
    # Only `second` showed the bar of minute 1 with close 100.9.
    assert said["freed_rows"] == 1
    assert pins.warehouse.rows("select count() from marts.bars final") == [(stored[0][0] - 1,)]
    assert pins.warehouse.rows("select count() from marts.bars where close = 100.9") == [(0,)]

    with pytest.raises(DatabaseError, match="unknown snapshot_id"):
        pins.bars("second")
    assert pins.warehouse.rows("select count() from marts.v_bars where snapshot_id = 'second'") == [(0,)]
    assert pins.warehouse.rows("select count() from marts.v_snapshots where snapshot_id = 'second'") == [(0,)]
    assert mdw("verify", "--all").code == 0
    for name in ("first", "third", "fourth"):
        assert pins.bars(name) == before[name]

    again = pins.run("run", "--select", "bars", snapshot_id="second")
    assert not again.succeeded
    assert "snapshot second was dropped" in again.text
    shown = mdw("show", "second")
    assert (shown.code, "was dropped on" in shown.err) == (2, True)


def test_one_value_changed_by_hand_is_found_and_named(pins, mdw):
    pins.warehouse.client("transform").command(
        "insert into marts.bars (* except (close), close) select * except (close), close + 0.1 "
        f"from marts.bars final where open_time = '{START:%F %T}'"
    )
    result = mdw("verify", "first", "third", "--json")
    assert result.code == 1
    for item in result.json:
        (part,) = item["differences"]
        assert (part["dataset"], part["instrument_id"], part["timeframe"], part["month"]) == (
            "bars",
            "binance:spot:BTC/USDT",
            "1m",
            "2025-01-01",
        )
        assert part["published_rows"] == part["found_rows"]
        assert part["published_hash"] != part["found_hash"]
    told = mdw("verify", "--newest", "1")
    assert (told.code, "does not hold" in told.out) == (1, True)
    assert mdw("verify").code == 2


def test_scheduled_publications_do_not_archive_what_people_named(pins):
    for number in range(4):
        quick_publish(pins, f"auto-20250601T00000{number}Z", live_pins=2)
    with pins.warehouse.client("researcher") as researcher:
        by_name = "select count() from marts.v_bars where snapshot_id = {name:String}"
        for name in ("fifth", "fourth", "auto-20250601T000003Z"):
            assert researcher.query(by_name, parameters={"name": name}).result_rows[0][0] > 0
        for name in ("third", "auto-20250601T000000Z"):
            with pytest.raises(DatabaseError, match="archived: read it through"):
                researcher.query(by_name, parameters={"name": name})
