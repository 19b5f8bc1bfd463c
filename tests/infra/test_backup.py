"""backup.sh and restore.sh for real: the embedded engine writes to S3 (moto) and reads it back."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.backups import BUCKET, engine, machine, s3_with_a_bucket


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with s3_with_a_bucket(monkeypatch) as client:
        yield client


def test_a_chain_is_written_listed_rehearsed_and_restored(s3: Any, tmp_path: Path) -> None:
    with engine(tmp_path / "first") as (ask, port):
        node = machine(tmp_path / "node", port)
        for statement in (
            "create database raw",
            "create table raw.pages (id UInt64) engine = MergeTree order by id",
            "insert into raw.pages select number from numbers(1000)",
            "create database marts",
            "create table marts.bars (id UInt64, close Float64) engine = MergeTree order by id",
            "insert into marts.bars select number, number / 8 from numbers(100)",
            "create view marts.v_bars as select * from marts.bars where close > 1",
        ):
            ask(statement)
        first = node.run("backup")
        assert first.returncode == 0, first.stderr
        ask("insert into raw.pages select number from numbers(1000, 10)")
        # Names have a resolution of one second: an increment within the same second would be its own base.
        subprocess.run(["sleep", "1"], check=True)
        second = node.run("backup")
        assert second.returncode == 0, second.stderr
        listed = [line.split() for line in node.run("restore", "list").stdout.splitlines()]
        assert [kind for _, kind in listed] == ["full", "increment"]
        (full, _), (increment, _) = listed

        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        # BACKUP deletes its lock itself: without s3:DeleteObject it fails.
        assert not [key for key in keys if key.endswith(".lock")]
        size = {name: sum(key.startswith(f"{name}/data/") for key in keys) for name in (full, increment)}
        assert 0 < size[increment] < size[full]

        rehearsed = node.run("restore", "rehearse", increment)
        assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
        assert "raw.pages: live 1010 rows, restored 1010" in rehearsed.stdout
        assert ask("select groupArray(name) from system.databases where name like '%rehearsal'") == "[]"
        refused = node.run("restore", "all", increment)
        assert "holds 2 tables already" in refused.stderr

    with engine(tmp_path / "second") as (ask, port):
        empty = machine(tmp_path / "other", port)
        # A new volume: its backup would be empty, and the newest in the list.
        early = empty.run("backup")
        assert early.returncode == 1
        assert "restore one first" in early.stderr
        restored = empty.run("restore", "all", increment)
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert ask("select count(), max(id) from raw.pages") == "1010\t1009"
        assert ask("select count() from marts.v_bars") == "91"
        assert len(empty.run("restore", "list").stdout.splitlines()) == 2
        # The lifecycle rule has deleted the full backup: the increment exists but cannot be restored.
        for key in keys:
            if key.startswith((full, f"marks/{full}")):
                s3.delete_object(Bucket=BUCKET, Key=key)
        assert empty.run("restore", "list").stdout == ""
        gone = empty.run("restore", "rehearse", increment)
        assert gone.returncode == 2
        assert increment in gone.stderr
