"""backup.sh and restore.sh on a machine without AWS: S3 is moto, and ClickHouse a session of the embedded engine."""

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

from tests.infra.clickhouse_node import Node
from tests.moto_server import aws
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
    sys.stdout.write(urllib.request.urlopen("http://127.0.0.1:{port}/", query.encode(), timeout=300).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
"""


@contextmanager
def engine(folder: Path) -> Iterator[tuple[Ask, int]]:
    """A session of the engine on a folder: what sends it a statement, and the port that takes statements by POST."""
    with session([sys.executable, "-m", "tests.infra.clickhouse_session", str(folder)]) as served:
        yield served


@contextmanager
def session(command: list[str]) -> Iterator[tuple[Ask, int]]:
    """The same, of a command that prints the port."""
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    port = int(process.stdout.readline())

    def ask(statement: str) -> str:
        with urlopen(Request(f"http://127.0.0.1:{port}/", statement.encode()), timeout=60) as answer:
            return str(answer.read().decode().strip())

    try:
        yield ask, port
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def s3_with_a_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of S3 with an empty bucket for backups; the environment names the server."""
    # The one region where a bucket needs no location.
    with aws("us-east-1") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


def machine(folder: Path, port: int, **settings: str) -> Node:
    """A machine whose clickhouse-client reaches the engine at this port."""
    folder.mkdir()
    node = Node.make(folder, **settings)
    assert node.run("configure").returncode == 0
    for name, text in (("aws", _AWS), ("clickhouse-client", _CLIENT)):
        (folder / "programs" / name).write_text(text.format(python=sys.executable, port=port))
    keys = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    node.environment |= {key: os.environ[key] for key in keys}
    node.environment["MDW_S3_ENDPOINT"] = f"{os.environ['AWS_ENDPOINT_URL']}/{BUCKET}"
    return node
