"""`mdw doctor`: one line per check, and what to do if one fails."""

import json

import pytest

from mdw.cli import entry_point
from replay.clock import Clock
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse


@pytest.fixture
def doctor(monkeypatch, capsys):
    """`mdw doctor --json` with these variables: exit code and findings by check."""

    def call(environment: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["mdw", "doctor", "--json"])
        with pytest.raises(SystemExit) as ended:
            entry_point.main()
        return int(ended.value.code or 0), {found["check"]: found for found in json.loads(capsys.readouterr().out)}

    return call


@pytest.fixture(scope="module")
def venues():
    with ReplayServer(SyntheticMarket(seed=1), clock=Clock.real()) as server:
        yield server


def test_all_is_well(doctor, module_warehouse: Warehouse, venues: ReplayServer):
    code, found = doctor({**module_warehouse.environment, **venues.environment})
    assert code == 0, found
    venues_asked = ("binance spot", "binance perp", "okx spot", "bybit spot", "alternative_me")
    for check in ("clickhouse", "migrations", "rights of ingest", *venues_asked):
        assert found[check]["state"] == "ok"


def test_an_alert_webhook_is_not_an_exchange(doctor, module_warehouse: Warehouse, venues: ReplayServer):
    hook = {"MDW_ALERT_WEBHOOK_URL": "http://127.0.0.1:9/hook", "MDW_RUNBOOK_URL": "http://127.0.0.1:9/runbooks/"}
    code, found = doctor({**module_warehouse.environment, **venues.environment, **hook})
    assert code == 0, found


def test_a_region_that_a_venue_does_not_serve(doctor, module_warehouse: Warehouse, venues: ReplayServer):
    before, venues.faults = venues.faults, Faults(rate=1.0, kinds=("451",))
    try:
        code, found = doctor({**module_warehouse.environment, **venues.environment})
    finally:
        venues.faults = before
    assert code == 1
    assert found["binance spot"]["state"] == "fail"
    assert "run from a region that it serves" in found["binance spot"]["do"]


def test_a_clock_that_is_an_hour_off_is_a_warning(doctor, module_warehouse: Warehouse, venues: ReplayServer):
    venues.clock.advance(3600)
    try:
        code, found = doctor({**module_warehouse.environment, **venues.environment})
    finally:
        venues.clock.advance(-3600)
    assert code == 0
    assert (found["bybit spot"]["state"], "+36" in found["bybit spot"]["says"]) == ("warn", True)


def test_before_the_first_up(doctor, venues: ReplayServer, tmp_path):
    code, found = doctor({"MDW_HOME": str(tmp_path / "new"), **venues.environment})
    assert code == 1
    assert "mdw up" in found["clickhouse"]["says"]
