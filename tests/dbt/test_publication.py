"""No dbt command publishes rows that failed an audit, that were not audited, or that the marts lost."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from dbt.adapters.clickhouse.connections import ClickHouseConnectionManager
from dbt_common.exceptions import DbtDatabaseError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mdw.publishing.dbt import _nodes
from tests.conftest import Warehouse
from tests.dbt.conftest import DBT_PROJECT, Dbt
from tests.dbt.pages import START, kline, land, land_klines, milliseconds
from warehouse import embedded
from warehouse.embedded.clone import clone
from warehouse.settings import Settings

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
BAD, GOOD = "250", "100.7"
BROKEN = "bars_ohlc_invariants"

# A command, and its refusal. None of them may publish the bar whose close is above its high.
SNEAKS = {
    "the registry alone": (("run", "--select", "snapshots"), "tests of severity error failed: bars_ohlc_invariants"),
    "the registry in a build": (("build", "--select", "snapshots"), "tests of severity error failed"),
    "all models, no tests": (("run", "--exclude", "path:models/staging"), "tests of severity error did not run since"),
    "audits from a stale work table": (
        ("run", "--select", "bars", "dq_audit_results", "snapshot_manifest", "snapshots"),
        "dq_bar_hours, dq_findings_bars",
    ),
    "one test left out": (
        (
            "build",
            "--select",
            "path:models/quality/results",
            "dq_conflicting_rows",
            "snapshots",
            "--exclude",
            "v_dataset_condition*",
            "bars_ohlc_invariants",
        ),
        "tests of severity error did not run since the marts last changed (bars_ohlc_invariants",
    ),
    "no tests selected": (
        ("build", "--select", "dq_audit_results", "snapshots", "--indirect-selection", "empty"),
        "tests of severity error did not run since",
    ),
    "a view by hand": (
        ("run-operation", "create_member_view", "--args", "{dataset: bars, id: x, version: 99, rules: 1}"),
        "there is no snapshot x of data version 99",
    ),
    "other rules for a snapshot": (
        ("run-operation", "create_member_view", "--args", "{dataset: funding, id: good, version: 1, rules: 0}"),
        "there is no snapshot good of data version 1 and rules 0",
    ),
    "rows freed without a claim": (
        ("run-operation", "free_rows", "--args", "{registry: marts.snapshots}"),
        "free_rows deletes rows under the claim of a build",
    ),
    "a view dropped by hand": (
        ("run-operation", "drop_member_view", "--args", "{dataset: bars, id: good}"),
        "v_bars shows snapshot good",
    ),
    "pages done without a build": (
        ("run-operation", "mark_pages_done", "--args", "{mart: bars}"),
        "mark_pages_done belongs to a build",
    ),
    "without rows": (("run", "--empty"), "--empty would mark raw pages as done without their rows"),
    "with a sample": (("run", "--sample", "1 day"), "--sample would mark raw pages as done"),
    "dbt clone": (("clone", "--select", "bars", "--full-refresh"), "use `mdw clone`"),
}


@pytest.fixture(scope="module")
def bad(module_dbt: Dbt) -> Dbt:
    """Snapshot `good` is published; a page with a bad bar is unpublished, after a build that failed because of it."""
    client = module_dbt.warehouse.client("ingest")
    land_klines(client, [kline(number) for number in range(5)], START + DAY)
    module_dbt.publish("good")
    land_klines(client, [kline(5, BAD)], START + 2 * DAY)
    refused = module_dbt.build("bad")
    assert not refused.succeeded
    assert "bars_ohlc_invariants" in refused.text
    # What an operator would retry, or compare with, after that build.
    shutil.copytree(module_dbt.target, module_dbt.target.with_name("failed"))
    return module_dbt


def published(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows("select snapshot_id, row_counts['bars'] from marts.snapshots order by data_version")


def test_no_command_publishes_what_the_audits_refused(bad: Dbt) -> None:
    state = bad.target.with_name("failed")
    for name, (command, said) in SNEAKS.items():
        more = ("--state", str(state)) if command[0] == "clone" else ()
        outcome = bad.run(*command, *more, snapshot_id="sneak")
        assert not outcome.succeeded, name
        assert said in outcome.text, (name, outcome.text[-2000:])
        assert published(bad.warehouse) == [("good", 5)], name
        shown = "select count() from marts.v_bars where snapshot_id != 'good'"
        assert bad.warehouse.rows(shown) == [(0,)], name
    for name in ("datasets", "timeframes"):
        outcome = bad.run("build", "--exclude-resource-type", "test", "unit_test", snapshot_id="sneak", **{name: {}})
        assert f"--vars gives '{name}', which is part of the project" in outcome.text
    assert published(bad.warehouse) == [("good", 5)]
    # What `mdw build` says of it: the gate's sentences, without dbt's trace of macros.
    assert not bad.run("run", "--select", "snapshots", snapshot_id="sneak").succeeded
    refusals = [node.message for node in _nodes(bad.target / "run_results.json") if node.name == "snapshots"]
    assert len(refusals) == 1
    assert re.fullmatch(r"snapshot sneak is not published: .*runbooks/build_failed\.md", refusals[0]), refusals
    retried = Dbt(bad.warehouse, state).run("retry")
    assert not retried.succeeded
    assert published(bad.warehouse) == [("good", 5)]


def test_slim_ci_and_another_schema_publish_nothing(bad: Dbt, tmp_path: Path) -> None:
    state = ("--state", str(bad.target.with_name("failed")))
    unchanged = bad.run("build", "--select", "state:modified+", *state, snapshot_id="slim")
    assert unchanged.succeeded, unchanged.text
    checked = bad.run("run", "--select", "snapshots", "--defer", *state, snapshot_id="slim")
    assert checked.succeeded, checked.text
    assert "nothing published: runs with --state or --defer only check code" in checked.text
    # Reported while the project is parsed: dbt would create the schema's database before any of our hooks.
    profile = (DBT_PROJECT / "profiles.yml").read_text()
    (tmp_path / "profiles.yml").write_text(profile.replace("schema: marts", "schema: dev_alice"))
    builds = bad.warehouse.rows("select count() from ops.builds")
    process = Dbt(bad.warehouse, tmp_path / "target", profiles=tmp_path).start("build")
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 2, text
    assert "has schema 'dev_alice'" in text
    assert "mdw clone" in text
    assert bad.warehouse.rows("select count() from ops.builds") == builds
    assert bad.warehouse.rows("select count() from system.databases where name = 'dev_alice'") == [(0,)]
    assert published(bad.warehouse) == [("good", 5)]


def test_lost_rows_are_refused_and_a_clone_is_a_place_to_work(bad: Dbt, tmp_path: Path) -> None:
    """In a clone: the repaired bar is published there and not here; then rows are lost."""
    made = clone(bad.warehouse.settings, tmp_path / "clone")
    other = Warehouse(Settings(home=Path(made.home), clickhouse_url=None))
    embedded.up(other.settings)
    dbt = Dbt(other, tmp_path / "target")
    try:
        land_klines(other.client("ingest"), [kline(5, GOOD)], START + 3 * DAY)
        _a_test_counts_once_it_has_run(dbt, "repaired")
        assert published(other) == [("good", 5), ("repaired", 6)]
        assert published(bad.warehouse) == [("good", 5)]
        # The rows are unchanged since they were audited: publishing them under another id needs no second audit.
        assert dbt.run("run", "--select", "snapshots", snapshot_id="renamed").succeeded
        assert published(other)[2:] == [("renamed", 6)]

        other.client().command("alter table marts.bars drop partition 202501")
        for command in (("run", "--select", "snapshots"), ("run", "--select", "bars")):
            refused = dbt.run(*command, snapshot_id="lost")
            assert not refused.succeeded
            assert "marts.bars partition 202501 has 0 rows, expected at least 7" in refused.text
            assert "runbooks/rows_lost.md" in refused.text
        assert len(published(other)) == 3
        # The registry is lost as well: ops still shows that something was published.
        other.client().command("truncate table marts.snapshots")
        refused = dbt.run("run", "--select", "bars", snapshot_id="lost")
        assert "Snapshots show these rows" in refused.text
    finally:
        other.kill()


def _a_test_counts_once_it_has_run(dbt: Dbt, snapshot_id: str) -> None:
    """A build without one of the tests is refused, and so is its retry. A retry in which the test passes publishes."""
    left_out = dbt.run("build", *NO_UNIT_TESTS, "--exclude", "bars_unique_key", snapshot_id=snapshot_id)
    assert not left_out.succeeded
    # dbt's list of selected nodes then names every test, and a retry in this process does not set it.
    assert dbt.run("ls").succeeded
    refused = dbt.run("retry", snapshot_id=snapshot_id)
    assert "1 tests of severity error did not run since the marts last changed (bars_unique_key)" in refused.text

    real = ClickHouseConnectionManager.execute

    def lost(manager: ClickHouseConnectionManager, sql: str, *arguments: Any, **options: Any) -> Any:
        if "lagInFrame(toNullable(open_time))" in sql:
            raise DbtDatabaseError("the connection was lost")
        return real(manager, sql, *arguments, **options)

    with patch.object(ClickHouseConnectionManager, "execute", lost):
        assert not dbt.run("build", "--select", "bars_unique_key", "snapshots", snapshot_id=snapshot_id).succeeded
    assert published(dbt.warehouse) == [("good", 5)]
    retried = dbt.run("retry", snapshot_id=snapshot_id)
    assert retried.succeeded, retried.text


def test_pages_count_as_done_only_with_their_rows(dbt: Dbt) -> None:
    """A mart that was lost before any publication is filled again; a staging view that reads nothing is refused."""
    land_klines(dbt.warehouse.client("ingest"), [kline(0), kline(1), kline(1)], START + DAY)
    assert dbt.run("run", "--select", "+bars").succeeded
    admin = dbt.warehouse.client()
    # As in a warehouse from before these counts: only the pages show what there was.
    admin.command("truncate table ops.mart_rows")
    _count_records(dbt, 3)
    admin.command("drop table marts.bars sync")
    again = dbt.run("run", "--select", "bars")
    assert again.succeeded, again.text
    assert "marts.bars has 0 rows, expected at least 3. No snapshot shows them: every page" in again.text
    assert dbt.warehouse.rows("select count() from marts.bars final") == [(2,)]

    land_klines(dbt.warehouse.client("ingest"), [kline(number) for number in range(2, 8)], START + 2 * DAY)
    _count_records(dbt, 6)
    view = "staging.stg_binance__spot_bars"
    text = dbt.warehouse.rows("select as_select from system.tables where name = 'stg_binance__spot_bars'")[0][0]
    admin.command(f"create or replace view {view} as select * from ({text}) where 0")
    refused = dbt.run("run", "--select", "bars")
    assert "contain 6 records, and the staging views read none of them" in refused.text
    done = "select uniqExact(page_id) from ops.build_pages where mart = 'bars' and done = 1"
    assert dbt.warehouse.rows(done) == [(1,)]
    # An acknowledged insert whose rows are not stored, as if a replica deduplicated it.
    admin.command(f"create or replace view {view} as {text}")
    real = ClickHouseConnectionManager.execute

    def forgetful(manager: ClickHouseConnectionManager, sql: str, *arguments: Any, **options: Any) -> Any:
        return real(manager, "select 1" if "open_row.is_known = 0" in sql else sql, *arguments, **options)

    with patch.object(ClickHouseConnectionManager, "execute", forgetful):
        refused = dbt.run("run", "--select", "bars")
    assert "6 of them were not written. No page was marked done" in refused.text
    assert dbt.warehouse.rows(done) == [(1,)]
    assert dbt.run("run", "--select", "bars").succeeded
    assert dbt.warehouse.rows("select count() from marts.bars final") == [(8,)]
    assert dbt.warehouse.rows(done) == [(2,)]


def _count_records(dbt: Dbt, records: int) -> None:
    """Set the record counts of pages, which are 1 in tests, to the real number."""
    dbt.warehouse.client().command(
        f"alter table raw.binance__spot_klines update row_count = {records} where row_count = 1 "
        "settings mutations_sync = 2"
    )


SELECTIONS = (
    (),
    ("--select", "snapshots"),
    ("--select", "bars"),
    ("--select", "bars", "snapshot_manifest", "snapshots"),
    ("--select", "bars", "path:models/quality/results", "dq_conflicting_rows", "snapshot_manifest", "snapshots"),
    ("--select", "path:models/quality/results", "dq_conflicting_rows", "snapshots"),
    ("--select", "dq_audit_results+"),
    ("--select", "dq_findings_bars", "dq_audit_results", "snapshots"),
    ("--select", "state:modified+"),
    ("--select", "result:fail+", "result:skipped+"),
    ("--exclude", "dq_audit_results"),
    ("--exclude", "bars_ohlc_invariants"),
    ("--exclude", "snapshot_manifest"),
    ("--exclude", "bars"),
    ("--exclude", "test_type:generic"),
    ("--exclude", "fear_greed+", "--select", "bars+"),
    ("--select", "fear_greed", "path:models/quality/results", "dq_conflicting_rows", "snapshot_manifest", "snapshots"),
)
FLAGS = (
    (),
    ("--full-refresh",),
    ("--empty",),
    ("--sample", "1 day"),
    ("--defer",),
    ("--defer", "--favor-state"),
    ("--indirect-selection", "cautious"),
    ("--indirect-selection", "empty"),
    ("--exclude-resource-type", "test"),
    ("--store-failures",),
    ("--threads", "1"),
)
GLOBAL = ((), ("--fail-fast",), ("--no-fail-fast",), ("--warn-error",), ("--no-write-json",))
VARIABLES: tuple[dict[str, object], ...] = ({}, {"audit_everything": True}, {"merge_touched_partitions": False})


class Commands(RuleBasedStateMachine):
    """Any sequence of dbt commands, with good and bad pages landing in between."""

    origin: Dbt
    home: Path

    @initialize()
    def begin(self) -> None:
        self.place = self.home / f"clone-{len(list(self.home.iterdir()))}"
        made = clone(self.origin.warehouse.settings, self.place)
        self.warehouse = Warehouse(Settings(home=Path(made.home), clickhouse_url=None))
        embedded.up(self.warehouse.settings)
        self.dbt = Dbt(self.warehouse, self.place / "target")
        shutil.copytree(self.origin.target, self.dbt.target)
        self.counter, self.now, self.minute, self.is_built = 0, START + DAY, 10, False

    @rule(is_bad=st.booleans(), is_new=st.booleans())
    def land(self, is_bad: bool, is_new: bool) -> None:
        self.now += DAY
        self.minute += is_new
        self.is_built = False
        with self.warehouse.client("ingest") as client:
            land_klines(client, [kline(self.minute, BAD if is_bad else f"100.{self.counter % 9}")], self.now)

    @rule(is_bad=st.booleans())
    def land_index(self, is_bad: bool) -> None:
        self.now += DAY
        self.is_built = False
        day = {"value": "250" if is_bad else "50", "value_classification": "Greed"}
        page = {"data": [{**day, "timestamp": str(milliseconds(START) // 1000)}]}
        with self.warehouse.client("ingest") as client:
            land(client, "alternative_me__fear_greed", page, self.now, series=("alternative_me", "", "", ""))

    @rule(
        command=st.sampled_from(("build", "build", "run", "test", "retry", "seed")),
        selection=st.sampled_from(SELECTIONS),
        flags=st.sampled_from(FLAGS),
        general=st.sampled_from(GLOBAL),
        variables=st.sampled_from(VARIABLES),
    )
    def command(self, command: str, selection: tuple[str, ...], flags: tuple[str, ...], general, variables) -> None:
        self.counter += 1
        words = [*general, command]
        if command not in ("retry", "seed"):
            words += selection
            words += [flag for flag in flags if command != "test" or flag.startswith("--indirect")]
            words += NO_UNIT_TESTS if command == "build" and not {"--exclude-resource-type"} & set(flags) else ()
            if "--defer" in words or any("state:" in word or "result:" in word for word in words):
                shutil.copytree(self.dbt.target, self.dbt.target.with_name("state"), dirs_exist_ok=True)
                words += ["--state", str(self.dbt.target.with_name("state"))]
        self.dbt.run(*words, snapshot_id=f"pin-{self.counter}", **variables)

    @precondition(lambda self: not self.is_built)
    @rule()
    def build(self) -> None:
        """The plain command publishes if and only if no open row is bad."""
        self.counter += 1
        self.is_built = True
        outcome = self.dbt.build(f"pin-{self.counter}")
        bad = self._count("marts.bars final", "valid_to_version = 4294967295 and close > high")
        bad += self._count("marts.fear_greed final", "valid_to_version = 4294967295 and value > 100")
        assert outcome.succeeded == (bad == 0), outcome.text

    @invariant()
    def no_pin_shows_a_bad_row(self) -> None:
        if not hasattr(self, "dbt"):
            return
        assert self._count("marts.v_bars", "close > high") == 0
        assert self._count("marts.v_fear_greed", "value > 100") == 0
        shown = dict(self.warehouse.rows("select snapshot_id, count() from marts.v_bars group by snapshot_id"))
        assert shown == dict(published(self.warehouse))

    @invariant()
    def pages_that_are_done_have_their_rows(self) -> None:
        if not hasattr(self, "dbt"):
            return
        lost = (
            "select count() from raw.binance__spot_klines where page_id in (select page_id from ops.build_pages where "
            "mart = 'bars' and done = 1) and window_start not in (select open_time from marts.bars)"
        )
        assert self.warehouse.rows(lost) == [(0,)]

    def teardown(self) -> None:
        if hasattr(self, "dbt"):
            self.warehouse.kill()
            shutil.rmtree(self.place, ignore_errors=True)

    def _count(self, relation: str, condition: str) -> int:
        return int(str(self.warehouse.rows(f"select count() from {relation} where {condition}")[0][0]))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_sequence_of_commands_publishes_a_bad_row(bad: Dbt, tmp_path: Path) -> None:
    Commands.origin, Commands.home = bad, tmp_path / "clones"
    Commands.home.mkdir()
    quiet = settings(
        max_examples=int(os.environ.get("MDW_SOAK_EXAMPLES", "10")),
        stateful_step_count=12,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(Commands, settings=quiet)
