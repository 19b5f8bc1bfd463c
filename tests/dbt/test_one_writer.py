"""One build at a time: versions follow commits."""

import re
from datetime import timedelta

from tests.dbt.conftest import Dbt
from tests.dbt.pages import START, kline, land_klines
from warehouse import schema

DAY = timedelta(days=1)


def test_a_name_that_cannot_be_one_changes_nothing(module_dbt: Dbt) -> None:
    """Not text, or other text: YAML reads 1.10 as 1.1 and `no` as false."""
    builds = module_dbt.warehouse.rows("select count() from ops.builds")
    for given, said in (
        ("no spaces'; --", "snapshot_id is 'no spaces'; --': it must be 1 to 64 letters"),
        ("x" * 65, "it must be 1 to 64 letters"),
        ("é", "it must be 1 to 64 letters"),
        (1.10, "snapshot_id is 1.1, which YAML does not read as text. Write it in quotes"),
        (False, "snapshot_id is False, which YAML does not read as text"),
        (0, "snapshot_id is 0, which YAML does not read as text"),
        (None, "snapshot_id is None, which YAML does not read as text"),
        (["x"], "snapshot_id is ['x'], which YAML does not read as text"),
    ):
        refused = module_dbt.run("run", "--select", "snapshots", snapshot_id=given)
        assert not refused.succeeded, given
        assert said in refused.text, given
    assert module_dbt.warehouse.rows("select count() from ops.builds") == builds


def test_code_older_or_newer_than_the_data_changes_nothing(module_dbt: Dbt) -> None:
    """In plain dbt, as `mdw build` does: the other migrations are named, and no claim is made."""
    warehouse, newest = module_dbt.warehouse, max(schema.known())
    builds = warehouse.rows("select count() from ops.builds")
    admin = warehouse.client()
    admin.command("create table default.migrations as ops.schema_migrations engine = MergeTree order by tuple()")
    admin.command("insert into default.migrations select * from ops.schema_migrations")
    try:
        admin.command("insert into ops.schema_migrations (version, md5, script) values (9999, '', '')")
        refused = module_dbt.run("run", "--select", "bars")
        assert not refused.succeeded
        assert f"is at migration 9999, and this code knows none after {newest}" in refused.text

        admin.command(f"alter table ops.schema_migrations delete where version >= {newest} settings mutations_sync = 2")
        refused = module_dbt.run("run", "--select", "bars")
        assert not refused.succeeded
        assert f"and this code needs {newest}: run `mdw migrate`" in refused.text
    finally:
        admin.command("truncate table ops.schema_migrations")
        admin.command("insert into ops.schema_migrations select * from default.migrations")
    assert warehouse.rows("select count() from ops.builds") == builds


def test_a_silent_build_loses_its_claim_after_the_lease(module_dbt: Dbt) -> None:
    transform = module_dbt.warehouse.client("transform")
    claim = "insert into ops.builds (version, invocation_id, state, owner, recorded_at) select max(version) + 1, "
    transform.command(claim + "'silent', 'running', 'night run', now64(6) - interval 20 minute from ops.builds")

    refused = module_dbt.run("run", "--select", "fear_greed")
    assert not refused.succeeded
    assert re.search(r"build \d+ of night run has been running since", refused.text)
    assert module_dbt.warehouse.rows("exists table marts.fear_greed") == [(0,)]

    assert module_dbt.run("run", "--select", "+fear_greed", build_lease_minutes=10).succeeded
    states = "select argMax(state, recorded_at) from ops.builds where invocation_id = 'silent'"
    assert module_dbt.warehouse.rows(states) == [("abandoned",)]


def test_of_two_builds_at_once_one_refuses(module_dbt: Dbt) -> None:
    dbt = module_dbt
    land_klines(dbt.warehouse.client("ingest"), [kline(0), kline(1)], START + DAY)
    other = Dbt(dbt.warehouse, dbt.target.with_name("other-target"))
    running = [
        each.start("build", "--exclude-resource-type", "unit_test", snapshot_id=name, build_owner=name)
        for each, name in ((dbt, "one"), (other, "two"))
    ]
    texts = [process.communicate(timeout=300)[0] for process in running]

    assert sorted(process.returncode == 0 for process in running) == [False, True], texts
    refused, done = (0, 1) if running[1].returncode == 0 else (1, 0)
    names = ("one", "two")
    assert f"of {names[done]} has been running since" in texts[refused]
    assert "wait for it" in texts[refused]
    assert dbt.warehouse.rows("select snapshot_id, row_counts['bars'] from marts.v_snapshots") == [(names[done], 2)]
