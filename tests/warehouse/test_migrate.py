"""Migrations: plain SQL, applied once, refused when an applied file has changed."""

import shutil

import pytest

from tests.conftest import Warehouse
from warehouse import migrate as migrations
from warehouse.errors import WorldError


def test_databases_and_tables_exist_and_a_second_run_does_nothing(module_warehouse: Warehouse):
    found = {row[0] for row in module_warehouse.rows("show databases")}
    assert {"raw", "staging", "marts", "snaps", "ops"} <= found
    assert migrations.migrate(module_warehouse.settings).applied == []


def test_a_changed_file_is_refused_and_names_the_version(warehouse: Warehouse, tmp_path, monkeypatch):
    copy = tmp_path / "migrations"
    shutil.copytree(migrations.MIGRATIONS, copy)
    changed = copy / "003_ops.sql"
    changed.write_text(changed.read_text() + "\n-- a line that was not there\n")
    monkeypatch.setattr(migrations, "MIGRATIONS", copy)
    with pytest.raises(WorldError, match="version is 3"):
        migrations.migrate(warehouse.settings)
