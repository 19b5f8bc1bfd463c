"""A defect in one instrument's row affects only that instrument, and an instrument mentioned in any form is not
delisted.

One warehouse and one build, `pin`: sound listings of every venue; then every attribute of every venue is broken in
every way, each in an instrument of its own, types and states get new words, rows lose their names, and one instrument
returns in a third listing. Beside them stand bars and payments of reused tickers and at all kinds of intervals
(tests/dbt/identity.py).
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import alphaforge_data
from tests.conftest import Warehouse
from tests.dbt import identity, pages
from tests.dbt.conftest import Dbt, Outcome
from tests.dbt.listings import MISSING, VENUES, Venue
from tests.dbt.pages import START
from warehouse.iceberg.export import export
from warehouse.iceberg.lake import opened
from warehouse.iceberg.target import Target

DAY = timedelta(days=1)
NOW = START + 2 * DAY
# Base of an instrument, the value instead of a number, and whether it is reported as unreadable.
BROKEN: tuple[tuple[str, object, bool], ...] = (
    ("EMPTY", "", False),
    ("ZERO", "0", False),
    ("OFF", "0.00000000", False),
    ("NUMBER", 0, False),
    ("NULL", None, False),
    ("MISSING", MISSING, False),
    ("TEXT", "n/a", True),
    ("NEGATIVE", "-1", True),
    ("NAN", "NaN", True),
    ("TRUTH", True, True),
    ("LIST", [1], True),
    ("OBJECT", {"a": 1}, True),
)
COLUMNS = ("tick_size", "lot_size", "min_qty", "min_notional", "contract_size", "listed_at")
WORDS = ("WORD", "SOON")
# In the universe of every venue: the status of each in `second`.
KNOWN = ("SOUND", "ABSENT", "BACK", "NOBASE", "NOSYMBOL", "TICK", *WORDS)


def cases(venue: Venue) -> Iterator[tuple[str, str, tuple[Any, ...], object, bool]]:
    """(base, column, path, value, whether it is reported) of every optional attribute of a venue."""
    for column, path, _ in venue.optional:
        for name, value, named in BROKEN:
            yield f"{name}{column.replace('_', '').upper()}", column, path, value, named


def listing(venue: Venue) -> list[object]:
    """The second listing, without ABSENT and BACK."""
    records: list[object] = [venue.record("SOUND", "USDT")]
    records += [venue.changed(base, "USDT", path, value) for base, _, path, value, _ in cases(venue)]
    records.append(venue.changed("TICK", "USDT", venue.optional[0][1], "n/a"))
    if len(venue.required) == 3:
        symbol, base, _ = venue.required
        records.append(venue.changed("NOBASE", "USDT", base, {"a": 1}))
        records.append(venue.changed("NOSYMBOL", "USDT", symbol, None))
    else:
        records += [venue.record("NOBASE", "USDT"), venue.record("NOSYMBOL", "USDT")]
    status = "state" if venue.name == "okx" else "status"
    records.append(venue.changed("WORD", "USDT", (status,), "REBASING"))
    records.append(venue.changed("SOON", "USDT", (status,), MISSING))
    return records


@pytest.fixture(scope="module")
def built(module_dbt: Dbt) -> tuple[Dbt, Outcome]:
    client = module_dbt.warehouse.client("ingest")
    history = f"{START:%Y-%m-%d %H:%M:%S}"
    types = ("TRADFI", "NEWTYPE", "QUARTER", "BOTH")
    universe = [
        ["funding" if venue.market == "perp" else "bars", venue.name, venue.market, f"{base}/USDT", "1h", history]
        for venue in VENUES
        for base in (*KNOWN, *types)
    ]
    for venue in VENUES:
        bases = (*KNOWN, *(types if venue.market == "perp" else ()))
        perpetuals = (identity.listed(START), identity.listed(START + DAY)) if venue.name == "binance" else ([], [])
        perpetuals = perpetuals if venue.market == "perp" else ([], [])
        venue.land(client, [*(venue.record(base, "USDT") for base in bases), *perpetuals[0]], START)
        # Rows without any name may be any instrument: this listing does not prove absence.
        venue.land(client, [venue.record("SOUND", "USDT"), {}, None, 5, "text", []], START + DAY / 2)
        second = [*listing(venue), *contracts(venue), *perpetuals[1]]
        venue.land(client, second, START + DAY)
        venue.land(client, [*second, venue.record("BACK", "USDT")], START + DAY + DAY / 4)
    # Nor does a listing of another category.
    linear = {"retCode": 0, "result": {"category": "linear", "list": [{"symbol": "OTHERUSDT"}]}}
    pages.land(client, "bybit__spot_instruments", linear, START + DAY / 3, series=("bybit", "spot", "", ""))
    index = {"data": [{"value": "72", "timestamp": str(int(START.timestamp()))}]}
    pages.land(client, "alternative_me__fear_greed", index, START + DAY, series=("alternative_me", "", "", ""))
    universe += identity.land(client)
    return module_dbt, module_dbt.build("pin", universe=universe, now=NOW.isoformat())


def contracts(venue: Venue) -> list[object]:
    """Perpetuals listed under another type, and contracts next to a perpetual that are not perpetuals."""
    if venue.market != "perp":
        return []
    kind, new, dated = ("contractType", "TRADIFI_PERPETUAL", "CURRENT_QUARTER")
    symbol, future = ("symbol", "QUARTERUSDT_250328")
    if venue.name == "okx":
        kind, new, dated = ("ctType", "linear", "linear")
        symbol, future = ("instId", "QUARTER-USDT-250328")
    quarter = venue.record("QUARTER", "USDT") | {kind: dated, symbol: future}
    if venue.name == "okx":
        quarter["instType"] = "FUTURES"
    beside = venue.record("BOTH", "USDT") | {kind: "FOO", symbol: venue.record("BOTH", "USDT")[symbol] + "X"}
    return [
        venue.record("TRADFI", "USDT") | {kind: new},
        venue.record("NEWTYPE", "USDT") | {kind: "FOO"},
        quarter,
        beside,
        venue.record("BOTH", "USDT"),
    ]


def staged(warehouse: Warehouse, venue: Venue) -> dict[str, dict[str, Any]]:
    """Rows of the second listing by base."""
    names = ("base", "problem", "notice", "status", *COLUMNS)
    rows = warehouse.rows(
        f"select {', '.join(names)} from staging.{venue.view} "
        "where market = {m:String} and ingested_at > {t:DateTime64(6, 'UTC')} order by base",
        m=venue.market,
        t=START,
    )
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in rows}


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: f"{venue.name}-{venue.market}")
def test_an_optional_attribute_without_a_number_is_null_and_the_others_stay(
    built: tuple[Dbt, Outcome], venue: Venue
) -> None:
    rows = staged(built[0].warehouse, venue)
    sound = {column: value for column, _, value in venue.optional}
    for base, broken, _, value, named in cases(venue):
        row = rows[base]
        assert row["problem"] == "", (base, value)
        for column in COLUMNS:
            found = row[column].timestamp() if column == "listed_at" and row[column] else row[column]
            assert found == (None if column == broken else sound.get(column)), (base, column)
        assert (broken in row["notice"]) == named, (base, value, row["notice"])


def test_nothing_of_it_keeps_the_others_from_being_published(built: tuple[Dbt, Outcome]) -> None:
    dbt, outcome = built
    assert outcome.succeeded, outcome.text
    assert dbt.warehouse.rows("select snapshot_id, rules from marts.snapshots") == [("pin", 2)]


def states(dbt: Dbt, base: str) -> dict[tuple[str, str], list[tuple[object, object]]]:
    """(status, tick) of each state of an instrument, by venue and market."""
    found: dict[tuple[str, str], list[tuple[object, object]]] = {}
    for venue, market, status, tick in dbt.warehouse.rows(
        "select venue, market, status, tick_size from marts.v_instruments_at(snapshot_id = 'pin') "
        "where base = {b:String} order by valid_from",
        b=base,
    ):
        found.setdefault((str(venue), str(market)), []).append((status, tick))
    return found


def test_each_instrument_has_its_own_state(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    everywhere = {(venue.name, venue.market) for venue in VENUES}
    changed: dict[str, list[tuple[str, float | None]]] = {
        "SOUND": [],
        "TICK": [("trading", None)],
        "WORD": [("rebasing", 0.01)],
        "SOON": [("unknown", 0.01)],
    }
    for base, later in changed.items():
        assert states(dbt, base) == {key: [("trading", 0.01), *later] for key in everywhere}, base
    # A row without base or symbol is withheld: the known state stays.
    for base in ("NOBASE", "NOSYMBOL"):
        assert states(dbt, base) == {key: [("trading", 0.01)] for key in everywhere}, base
    # Only an instrument that is not mentioned in any form is delisted.
    assert states(dbt, "ABSENT") == {key: [("trading", 0.01), ("delisted", 0.01)] for key in everywhere}
    # A later complete listing corrects what a short one led older releases to believe.
    back = [("trading", 0.01), ("delisted", 0.01), ("trading", 0.01)]
    assert states(dbt, "BACK") == dict.fromkeys(everywhere, back)


def test_a_perpetual_of_another_type_is_there(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    perps = {(venue.name, venue.market) for venue in VENUES if venue.market == "perp"}
    trading = ("trading", 0.01)
    assert states(dbt, "TRADFI") == {key: [trading] for key in perps}
    assert states(dbt, "BOTH") == {key: [trading] for key in perps}
    assert states(dbt, "NEWTYPE") == {
        ("binance", "perp"): [trading, ("unknown contract type: FOO", 0.01)],
        ("okx", "perp"): [trading, ("unknown product type: SWAP FOO", 0.01)],
    }
    # A dated future of the same pair is not the perpetual.
    assert states(dbt, "QUARTER") == {key: [trading, ("delisted", 0.01)] for key in perps}


def findings(dbt: Dbt, audit: str) -> list[tuple[str, str, str]]:
    return [
        (str(row[0]), str(row[1]), str(row[2]))
        for row in dbt.warehouse.rows(
            "select instrument_id, severity, detail from marts.dq_audit_results "
            "where run = 1 and audit = {a:String} and severity != 'ok' order by instrument_id",
            a=audit,
        )
    ]


def test_what_is_unknown_or_withheld_is_named(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    ids = {f"{venue.name}:{venue.market}" for venue in VENUES}
    words = findings(dbt, "instruments_known_status")
    assert {severity for _, severity, _ in words} == {"warn"}
    for base, word in {"WORD": "rebasing", "SOON": "unknown"}.items():
        named = {name for name, _, detail in words if name.endswith(f":{base}/USDT") and word in detail}
        assert named == {f"{series}:{base}/USDT" for series in ids}
    assert [detail for name, _, detail in words if "NEWTYPE" in name and "FOO" not in detail] == []
    unread = findings(dbt, "instruments_readable")
    assert {severity for _, severity, _ in unread} == {"warn"}
    ticks = {name for name, _, detail in unread if name.endswith(":TICK/USDT") and "tick_size" in detail}
    assert ticks == {f"{series}:TICK/USDT" for series in ids}
    three = {f"{venue.name}:{venue.market}" for venue in VENUES if len(venue.required) == 3}
    assert {f"{series}:NOSYMBOL/USDT" for series in three} <= {name for name, _, _ in unread}
    without_base = {name for name, _, detail in unread if "NOBASEUSDT" in detail or "NOBASE-USDT" in detail}
    assert without_base == {f"{series}:/USDT" for series in three}


def test_okx_contracts_are_multiplied(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    assert dbt.warehouse.rows(
        "select distinct contract_size from marts.v_instruments_latest where instrument_id = 'okx:perp:SOUND/USDT'"
    ) == [(10.0,)]


def test_amounts_are_given_in_base_units_at_every_venue(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    for view in ("v_instruments_latest where", "v_instruments where snapshot_id = 'pin' and"):
        rows = dbt.warehouse.rows(
            "select distinct instrument_id, lot_size, lot_size_base, min_qty, min_qty_base, contract_size "
            f"from marts.{view} base in ('SOUND', 'MISSINGCONTRACTSIZE') and valid_to is null"
        )
        assert len(rows) >= len(VENUES)
        for name, lot, lot_base, least, least_base, contract in rows:
            if str(name) == "okx:perp:SOUND/USDT":
                # 0.001 and 0.002 contracts of 10 units, without a double's rounding.
                assert (lot, lot_base, least, least_base, contract) == (0.001, 0.01, 0.002, 0.02, 10.0)
            elif str(name).startswith("okx:perp:"):
                assert (lot_base, least_base, contract) == (None, None, None), name
            else:
                assert (lot_base, least_base) == (lot, least), name


def test_bars_and_payments_of_another_asset_are_named(built: tuple[Dbt, Outcome]) -> None:
    """REUSED is relisted after 18 days without bars; MOVED is relisted in the second listing; STEADY is valid."""
    dbt, _ = built
    rows = dbt.warehouse.rows(
        "select audit, splitByChar(':', instrument_id)[3], dateDiff('hour', {s:DateTime64(3)}, range_start), "
        "dateDiff('hour', {s:DateTime64(3)}, range_end), rows, severity from marts.dq_audit_results where run = 1 "
        "and audit in ('bars_before_listing', 'bars_jump_across_gap', 'funding_before_listing', "
        "'funding_without_bars') "
        "and severity != 'ok' order by audit, instrument_id, range_start",
        s=identity.FIRST.replace(tzinfo=None),
    )
    reused, moved, quiet = "REUSED/USDT", "MOVED/USDT", "QUIET/USDT"
    assert rows == [
        ("bars_before_listing", moved, 0, 71, 72, "warn"),
        ("bars_before_listing", reused, 0, 47, 48, "warn"),
        ("bars_jump_across_gap", quiet, 5, 12, 2, "warn"),
        ("bars_jump_across_gap", reused, 47, 480, 2, "warn"),
        ("funding_before_listing", moved, 0, 64, 9, "warn"),
        ("funding_before_listing", reused, 0, 472, 60, "warn"),
        ("funding_without_bars", reused, 56, 472, 53, "warn"),
    ]


def test_days_of_another_asset_are_not_available(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    conditions = {
        name: [
            str(row[0])
            for row in dbt.warehouse.rows(
                "select condition from marts.v_dataset_condition where instrument_id = {i:String} "
                "and dataset = {d:String} and day >= {a:Date} and day < {b:Date} order by day",
                i=f"binance:perp:{name[0]}/USDT",
                d=name[1],
                a=identity.FIRST.date(),
                b=(identity.FIRST + 22 * DAY).date(),
            )
        ]
        for name in (("REUSED", "bars"), ("REUSED", "funding"), ("STEADY", "bars"), ("STEADY", "funding"))
    }
    # Old asset, nothing, the day of the jump, new asset.
    assert conditions["REUSED", "bars"] == ["degraded"] * 2 + ["missing"] * 18 + ["degraded", "available"]
    assert conditions["REUSED", "funding"] == ["degraded"] * 20 + ["available"] * 2
    assert conditions["STEADY", "bars"] == ["available"] * 22
    assert conditions["STEADY", "funding"] == ["available"] * 22


def hours_paid(dbt: Dbt, name: str, source: str) -> list[object]:
    query = f"select interval_hours from marts.{source} instrument_id = {{i:String}} order by funding_time"
    return [row[0] for row in dbt.warehouse.rows(query, i=f"okx:perp:{name}/USDT")]


def test_the_interval_is_the_period_that_a_payment_pays_for(built: tuple[Dbt, Outcome]) -> None:
    dbt, _ = built
    for name, (_, expected) in identity.INTERVALS.items():
        assert hours_paid(dbt, name, "v_funding_at(snapshot_id = 'pin') where") == expected, name
        assert hours_paid(dbt, name, "v_funding where snapshot_id = 'pin' and") == expected, name
        assert hours_paid(dbt, name, "v_funding_latest where") == expected, name


def test_only_steps_that_no_interval_explains_are_found(built: tuple[Dbt, Outcome]) -> None:
    found = {(name.split(":")[2], detail) for name, _, detail in findings(built[0], "funding_one_per_interval")}
    assert found == {
        ("HOLE/USDT", "no payment for 8 h, after an interval of 4 h"),
        ("LAST/USDT", "no payment for 8 h, after an interval of 4 h"),
        ("BEGIN/USDT", "no payment for 16 h"),
        ("ODD/USDT", "no payment for 1.5 h, after an interval of 8 h"),
        ("ODD/USDT", "no payment for 6.5 h, after an interval of 1.5 h"),
    }
    changes = {(name.split(":")[2], detail) for name, _, detail in findings(built[0], "funding_interval_changes")}
    assert {detail for name, detail in changes if name == "CHANGES/USDT"} == {
        "the interval went from 8 h to 5 h",
        "the interval went from 5 h to 1 h",
        "the interval went from 1 h to 3 h",
        "the interval went from 3 h to 8 h",
    }


@pytest.fixture(scope="module")
def upgraded(built: tuple[Dbt, Outcome]) -> Dbt:
    """In addition to `pin`, the snapshot `old` of the same rows, registered as by code without numbered rules."""
    dbt, _ = built
    with dbt.warehouse.client() as client:
        client.command(
            "insert into marts.snapshots select * replace ('old' as snapshot_id, 0 as rules) from marts.snapshots"
        )
    assert dbt.run("run-operation", "reconcile_snapshots").succeeded
    return dbt


def test_a_pin_of_before_rules_were_numbered_shows_what_it_showed(upgraded: Dbt) -> None:
    """Through each form of the view and the SDK, also if its member view has to be recreated."""
    dbt = upgraded
    at = dbt.warehouse.settings.connection("researcher")
    url = f"http://{at.user}:{at.password}@{at.host}:{at.http_port}"
    sdk = alphaforge_data.connect(url, snapshot_id="old", cache=False)
    window = (identity.FIRST, identity.FIRST + 10 * DAY)
    for name, before in identity.BEFORE_RULES.items():
        assert hours_paid(dbt, name, "v_funding_at(snapshot_id = 'old') where") == before, name
        assert hours_paid(dbt, name, "v_funding where snapshot_id = 'old' and") == before, name
        assert sdk.funding(f"{name}/USDT", *window, venue="okx")["interval_hours"].to_pylist() == before, name
    assert hours_paid(dbt, "SIX", "v_funding_at(snapshot_id = 'pin') where") == [6] * 10
    # An unknown classification was '' until rule 2.
    for pin, word in (("old", ""), ("pin", None)):
        for source in (f"v_fear_greed_at(snapshot_id = '{pin}')", f"v_fear_greed where snapshot_id = '{pin}'"):
            assert dbt.warehouse.rows(f"select classification from marts.{source}") == [(word,)], source


def test_an_export_is_written_anew_where_the_rules_changed(upgraded: Dbt, tmp_path: Path) -> None:
    """The stored rows of the two pins are equal, but the derived column differs."""
    settings, target = upgraded.warehouse.settings, Target.parse(str(tmp_path / "lake"))
    for pin, expected in (("old", [None] * 10), ("pin", [6] * 10)):
        export(settings, pin, target, datasets=("funding",))
        with opened(settings, target, "sql", "market_data", write=False) as lake:
            table = lake.table("funding")
            assert table is not None
            tagged = table.snapshot_by_name(pin)
            assert tagged is not None
            rows = table.scan(snapshot_id=tagged.snapshot_id).to_arrow().sort_by("funding_time").to_pylist()
        assert [row["interval_hours"] for row in rows if row["instrument_id"] == "okx:perp:SIX/USDT"] == expected
