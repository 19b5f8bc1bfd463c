"""backup.sh and restore.sh for real: the embedded engine writes to S3 (moto) and reads it back."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.infra.clickhouse_node import Node
from warehouse.project import PROJECT

BUCKET = "mdw-backup"
Ask = Callable[[str], str]
# The part of the AWS CLI that the scripts use, with boto3 and JMESPath like the CLI itself.
_AWS = """#!{python}
import sys
import boto3, jmespath
words = sys.argv[1:]
option = lambda name: words[words.index(name) + 1]
s3 = boto3.client("s3")
if words[:2] == ["s3", "cp"]:
    bucket, _, key = words[-1].removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=sys.stdin.buffer.read())
elif words[:2] == ["s3api", "list-objects-v2"]:
    found = jmespath.search(option("--query"), s3.list_objects_v2(Bucket=option("--bucket"), Prefix=option("--prefix")))
    print("\\t".join(found))
else:
    sys.exit(f"no stand-in for {{words}}")
"""
_CLIENT = """#!{python}
import sys, urllib.request, urllib.error
query = sys.argv[sys.argv.index("--query") + 1]
try:
    sys.stdout.write(urllib.request.urlopen("http://127.0.0.1:{port}/", query.encode(), timeout=60).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
"""


@contextmanager
def engine(folder: Path) -> Iterator[tuple[Ask, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.infra.clickhouse_session", str(folder)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    port = int(process.stdout.readline())

    def ask(statement: str) -> str:
        with urlopen(Request(f"http://127.0.0.1:{port}/", statement.encode()), timeout=60) as answer:
            return str(answer.read().decode().strip())

    yield ask, port
    process.kill()
    process.wait(10)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    server.stop()


def machine(folder: Path, port: int) -> Node:
    folder.mkdir()
    node = Node.make(folder)
    assert node.run("configure").returncode == 0
    for name, text in (("aws", _AWS), ("clickhouse-client", _CLIENT)):
        (folder / "programs" / name).write_text(text.format(python=sys.executable, port=port))
    keys = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    node.environment |= {key: os.environ[key] for key in keys}
    node.environment["MDW_S3_ENDPOINT"] = f"{os.environ['AWS_ENDPOINT_URL']}/{BUCKET}"
    return node


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
