"""Random histories compared with a model in Python: whatever lands, fails or is dropped, each pin shows the same
rows."""

import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from dbt.adapters.clickhouse.connections import ClickHouseConnectionManager
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import Warehouse, start_warehouse
from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, kline, land_klines
from tests.snapshots.conftest import PUBLISH
from warehouse import snapshots
from warehouse.snapshots.verify import verify

PAGES = st.dictionaries(st.integers(0, 7), st.sampled_from(["100.1", "100.2", "100.3"]), min_size=1, max_size=8)
# Two months, so that a build changes one partition, the other, or both.
FAR = 31 * 24 * 60
Bars = dict[int, float]


class ServerLostError(Exception):
    """The error of dbt if its server is gone."""


class Histories(RuleBasedStateMachine):
    """Rules are actions of people and machines; the model knows what each snapshot must show."""

    pins = Bundle("pins")
    warehouse: Warehouse
    dbt: Dbt

    @initialize()
    def begin(self) -> None:
        for table in ("raw.binance__spot_klines", "ops.build_pages", "ops.snapshot_events"):
            self._sql(f"truncate table {table}")
        for table in ("bars", "snapshot_manifest", "snapshots"):
            self._sql(f"truncate table if exists marts.{table}")
        self.now = START + timedelta(days=60)
        self.before_all = START + timedelta(days=50)
        self.counter = 0
        self.waiting: list[Bars] = []
        self.late: list[Bars] = []
        self.mart: Bars = {}
        self.shown: dict[str, Bars] = {}
        self.newest = ""

    @rule(page=PAGES)
    def land(self, page: dict[int, str]) -> None:
        """New bars, revisions, and unchanged bars sent again, with any page borders."""
        self.now += MINUTE
        self._land(page, self.now)
        self.waiting.append({minute: float(close) for minute, close in page.items()})

    @rule(page=PAGES)
    def land_late(self, page: dict[int, str]) -> None:
        """A page that was fetched before all others arrives now: it fills gaps and revises nothing."""
        # Older than the previous late page: of two fetched at the same instant neither is the latest.
        self.before_all -= MINUTE
        self._land(page, self.before_all)
        self.late.append({minute: float(close) for minute, close in page.items()})

    @rule(target=pins)
    def publish(self) -> object:
        name = self._name()
        self._apply()
        assert self._build(name).succeeded
        self.shown[name] = dict(self.mart)
        self.newest = name
        return name

    @rule(statements=st.integers(3, 60))
    def publish_and_lose_the_server(self, statements: int) -> None:
        """From some statement on, nothing reaches the server, not even the release of the claim."""
        name = self._name()
        with losing_server_after(statements):
            self._build(name)
        if self._sql(f"select count() from marts.snapshots where snapshot_id = '{name}'"):
            self._apply()
            self.shown[name] = dict(self.mart)
            self.newest = name

    @rule(name=pins)
    def publish_again(self, name: str) -> None:
        """An existing id is left unchanged; what landed goes to the marts, unpublished."""
        outcome = self._build(name)
        assert outcome.succeeded == (name in self.shown)
        if name in self.shown:
            self._apply()

    @rule(target=pins, name=consumes(pins), statements=st.none() | st.integers(3, 30))
    def drop(self, name: str, statements: int | None) -> object:
        if name == self.newest or name not in self.shown:
            return multiple(name) if name in self.shown else multiple()
        arguments = ("run-operation", "drop_snapshots", "--args", json.dumps({"ids": [name]}))
        if statements is not None:
            with losing_server_after(statements):
                self.dbt.run(*arguments, break_claims_of="test", build_owner="test")
        outcome = self.dbt.run(*arguments, break_claims_of="test", build_owner="test")
        assert outcome.succeeded, outcome.text
        del self.shown[name]
        return multiple()

    @invariant()
    def every_pin_shows_what_it_showed(self) -> None:
        if not self.shown:
            return
        found: dict[str, Bars] = {name: {} for name in self.shown}
        for name, minute, close in self.warehouse.rows(
            "select snapshot_id, dateDiff('minute', {start:DateTime}, open_time), close from marts.v_bars", start=START
        ):
            assert int(minute) not in found[str(name)], "a bar twice in a snapshot"
            found[str(name)][int(minute)] = float(close)
        assert found == {
            name: {place(minute): close for minute, close in bars.items()} for name, bars in self.shown.items()
        }

    def teardown(self) -> None:
        with self.warehouse.client() as client:
            for snapshot in snapshots.published(client) if hasattr(self, "shown") and self.shown else []:
                assert verify(client, snapshot).differences == []

    def _land(self, page: dict[int, str], fetched_at: datetime) -> None:
        with self.warehouse.client("ingest") as client:
            for near in (True, False):
                klines = [kline(place(minute), close) for minute, close in sorted(page.items()) if (minute < 4) == near]
                if klines:
                    land_klines(client, klines, fetched_at)

    def _apply(self) -> None:
        for page in self.late:
            self.mart |= {minute: close for minute, close in page.items() if self._is_new(minute)}
        for page in self.waiting:
            self.mart |= page
        self.late, self.waiting = [], []

    def _is_new(self, minute: int) -> bool:
        return minute not in self.mart

    def _build(self, name: str):
        return self.dbt.run("build", *PUBLISH, snapshot_id=name, break_claims_of="test", build_owner="test")

    def _name(self) -> str:
        self.counter += 1
        return f"pin-{self.counter}"

    def _sql(self, statement: str) -> object:
        with self.warehouse.client() as client:
            return client.command(statement)


def place(minute: int) -> int:
    """Minutes 4 and later are in the next month."""
    return minute if minute < 4 else minute + FAR


class losing_server_after:  # noqa: N801 - used as a statement
    """Lets this many statements of dbt through, and no more."""

    def __init__(self, statements: int) -> None:
        self.left = statements
        real = ClickHouseConnectionManager.execute

        def execute(manager, *arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise ServerLostError("the server is gone")
            return real(manager, *arguments, **options)

        self._patch = patch.object(ClickHouseConnectionManager, "execute", execute)

    def __enter__(self) -> None:
        self._patch.start()

    def __exit__(self, *trouble: object) -> None:
        self._patch.stop()


def run_histories(home: Path, examples: int, steps: int) -> None:
    Histories.warehouse = start_warehouse(home / "mdw")
    Histories.dbt = Dbt(Histories.warehouse, home / "target")
    try:
        Histories.dbt.publish("start")
        quiet = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 10,
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        run_state_machine_as_test(Histories, settings=quiet)
    finally:
        Histories.warehouse.kill()


@pytest.mark.soak
def test_pins_hold_through_short_histories(tmp_path):
    run_histories(tmp_path, examples=3, steps=8)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_pins_hold_through_long_histories():
    with tempfile.TemporaryDirectory() as home:
        run_histories(Path(home), examples=int(os.environ.get("MDW_SOAK_EXAMPLES", "40")), steps=25)
