"""One build at a time: versions follow commits."""

from datetime import timedelta

from tests.dbt.conftest import Dbt
from tests.dbt.pages import START, kline, land_klines

DAY = timedelta(days=1)


def test_of_two_builds_at_once_one_refuses(dbt: Dbt) -> None:
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
    assert f"of {names[done]} is running since" in texts[refused]
    assert "wait for it" in texts[refused]
    assert dbt.warehouse.rows("select snapshot_id, row_counts['bars'] from marts.v_snapshots") == [(names[done], 2)]


def test_a_silent_build_loses_its_claim_after_the_lease(dbt: Dbt) -> None:
    land_klines(dbt.warehouse.client("ingest"), [kline(0)], START + DAY)
    transform = dbt.warehouse.client("transform")
    claim = "insert into ops.builds (version, invocation_id, state, owner, recorded_at) values "
    transform.command(claim + "(1, 'silent', 'running', 'night run', now64(6) - interval 20 minute)")

    refused = dbt.build("mine")
    assert not refused.succeeded
    assert "build 1 of night run is running since" in refused.text
    assert dbt.warehouse.rows("exists table marts.bars") == [(0,)]

    dbt.publish("mine", build_lease_minutes=10)
    states = "select invocation_id, argMax(state, recorded_at) from ops.builds where version = 1 group by 1"
    assert dbt.warehouse.rows(states) == [("silent", "abandoned")]


def test_a_name_that_cannot_be_one_changes_nothing(dbt: Dbt) -> None:
    refused = dbt.build("no spaces'; --")
    assert not refused.succeeded
    assert "snapshot_id is 'no spaces'; --': it must be 1 to 64 letters" in refused.text
    assert dbt.warehouse.rows("select count() from ops.builds") == [(0,)]
