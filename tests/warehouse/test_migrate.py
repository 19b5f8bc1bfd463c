"""Migrations: plain SQL, applied once, refused when an applied file has changed."""

import shutil

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from dlt_pipelines.core.series import Series
from mdw.live import running
from mdw.publishing import snapshot_build
from tests.conftest import Warehouse
from warehouse import embedded, schema
from warehouse import migrate as migrations
from warehouse.client import connect
from warehouse.embedded import config
from warehouse.embedded.state import read_state
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT

FOLLOWED = [Series("bars", "binance", "spot", "BTC/USDT", "1m")]


def test_databases_and_tables_exist_and_a_second_run_does_nothing(module_warehouse: Warehouse):
    found = {row[0] for row in module_warehouse.rows("show databases")}
    assert {"raw", "staging", "marts", "snaps", "ops"} <= found
    assert migrations.migrate(module_warehouse.settings).applied == []


def test_a_changed_file_is_refused_and_names_the_version(warehouse: Warehouse, tmp_path, monkeypatch):
    copy = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, copy)
    changed = copy / "003_ops.sql"
    changed.write_text(changed.read_text() + "\n-- a line that was not there\n")
    monkeypatch.setattr(schema, "MIGRATIONS", copy)
    with pytest.raises(OperationFailed, match="version is 3"):
        migrations.migrate(warehouse.settings)


def test_a_server_that_older_code_started_gets_the_grants_of_this_code(warehouse: Warehouse, monkeypatch):
    """It keeps running after `git pull`, and `mdw backfill --recheck-claims` may not write to a new table."""
    settings, written = warehouse.settings, config.users_config
    grant = "<query>grant insert on ops.corrected_claims</query>"
    assert grant in written(read_state(settings.home))
    with monkeypatch.context() as older:
        older.setattr(config, "users_config", lambda state: written(state).replace(grant, ""))
        embedded.down(settings)
        embedded.up(settings)
    insert = "insert into ops.corrected_claims (page_id) select generateUUIDv4()"
    with connect(settings, "ingest") as client, pytest.raises(DatabaseError, match="Not enough privileges"):
        client.command(insert)
    assert migrations.migrate(settings).applied == []
    with connect(settings, "ingest") as client:
        client.command(insert)
    pid = embedded.status(settings).pid
    migrations.migrate(settings)
    assert embedded.status(settings).pid == pid


def test_statements_on_tables_of_dbt_wait_for_dbt_to_make_them(warehouse: Warehouse, tmp_path, monkeypatch):
    """A migration that adds a column to a mart, and code that is older than the resulting database."""
    copy = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, copy)
    added = "-- A comment first.\nalter table marts.bars ${ON_CLUSTER} add column if not exists more Nullable(Float64);"
    (copy / "999_more.sql").write_text(
        added + "\ncreate table if not exists ops.kept (a UInt8) engine = MergeTree order by a;\n"
    )
    with monkeypatch.context() as newer:
        newer.setattr(schema, "MIGRATIONS", copy)
        assert migrations.migrate(warehouse.settings).applied == ["999"]
    assert warehouse.rows("exists table ops.kept") == [(1,)]

    # Code with an additional migration does not land before it is applied, but can read.
    (copy / "1000_later.sql").write_text("select 1;\n")
    with monkeypatch.context() as later:
        later.setattr(schema, "MIGRATIONS", copy)
        with pytest.raises(OperationFailed, match="is at migration 999, and this code needs 1000: run `mdw migrate`"):
            connect(warehouse.settings, "ingest")
        for start in (
            lambda: snapshot_build.build(warehouse.settings, "early"),
            lambda: running.run(warehouse.settings, FOLLOWED, quotes=True, as_json=False),
            lambda: running.run_probe(warehouse.settings, FOLLOWED, 1.0, None),
        ):
            with pytest.raises(OperationFailed, match="this code needs 1000: run `mdw migrate`"):
                start()
        connect(warehouse.settings, "auditor").close()

    # This code does not know migration 999.
    with pytest.raises(OperationFailed, match=r"migrated by newer code: it has migration 999.*newest of this code is"):
        migrations.migrate(warehouse.settings)
    for role in ("ingest", "transform"):
        with pytest.raises(OperationFailed, match="Use code at least as new as the data"):
            connect(warehouse.settings, role)
    with pytest.raises(OperationFailed, match="Use code at least as new as the data"):
        running.run(warehouse.settings, FOLLOWED, quotes=True, as_json=False)


def test_dbt_knows_the_newest_migration():
    text = (PROJECT / "dbt_project" / "macros" / "build" / "schema_version.sql").read_text()
    assert f"return({max(schema.known())})" in text
