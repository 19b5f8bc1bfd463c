"""Exports of the two snapshots published by the whole pipeline, run as a user would."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from tests.alphaforge_data.published import Published, published
from tests.conftest import Warehouse
from warehouse import snapshots
from warehouse.iceberg import readback
from warehouse.iceberg.layout import DATASETS
from warehouse.project import PROJECT

__all__ = ["published"]

SECRET = "not-for-any-log-7c1d"


@dataclass
class Command:
    """`mdw` with one warehouse and environment."""

    warehouse: Warehouse
    extra: dict[str, str]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**kept, **self.warehouse.environment, **self.extra}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mdw", *arguments],
            env=self.environment(),
            cwd=PROJECT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        said, complained = process.communicate(timeout=300)
        return process.returncode, said, complained

    def json(self, *arguments: str) -> Any:
        code, said, complained = self.run(*arguments, "--json")
        assert code == 0, complained
        return json.loads(said)


@dataclass
class Lake:
    """An address, and how ClickHouse reads one of its tables."""

    address: str
    source: str

    def of(self, dataset: str) -> str:
        return self.source.format(dataset)


@pytest.fixture(scope="module")
def mdw(published: Published) -> Command:
    return Command(published.warehouse, {})


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """S3 and Glue on loopback; the variables that point AWS clients there."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    import boto3

    boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=SECRET,
        region_name="eu-central-1",
    ).create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield variables
    server.stop()


def shown(warehouse: Warehouse, dataset: str, snapshot_id: str) -> list[tuple[Any, ...]]:
    """All rows and columns of a pinned view."""
    found = next(d for d in DATASETS if d.name == dataset)
    key = ", ".join(found.key)
    return warehouse.rows(
        f"select * from marts.{found.view}(snapshot_id = {{id:String}}) order by {key}", id=snapshot_id
    )


def read_back(warehouse: Warehouse, lake: Lake, dataset: str, snapshot_id: str) -> list[tuple[Any, ...]]:
    """The same rows through ClickHouse's Iceberg engine, pinned by the snapshot id that ops.iceberg_exports has."""
    found = next(d for d in DATASETS if d.name == dataset)
    [(pin,)] = warehouse.rows(
        "select iceberg_snapshot_ids[{d:String}] from ops.iceberg_exports where snapshot_id = {id:String} "
        "and target = {to:String}",
        d=dataset,
        id=snapshot_id,
        to=lake.address,
    )
    with warehouse.client() as client:
        snapshot = snapshots.find(client, snapshot_id)
        sql = readback.select(client, found, snapshot, lake.of(dataset), int(str(pin)))
        types = client.query(f"describe table ({sql})").result_rows
        wanted = client.query(
            f"describe table (select * from marts.{found.view}(snapshot_id = '{snapshot_id}'))"
        ).result_rows
        assert [row[:2] for row in types] == [row[:2] for row in wanted]
        ordered = f"select * from ({sql}) order by {', '.join(found.key)}"
        return [tuple(row) for row in client.query(ordered).result_rows]


def parquet_files(folder: Path) -> set[Path]:
    return set(folder.rglob("*.parquet"))
