"""`mdw publish-reports`, to a folder and to S3 (moto's server)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import boto3
import pytest

from mdw.publishing import dbt
from mdw.reports import delivery
from tests.moto_server import aws
from warehouse.project import PROJECT
from warehouse.settings import Settings

TODAY = "2025-07-01"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """The environment that sends boto3 to moto."""
    with aws() as environment:
        yield environment


@pytest.fixture
def home(tmp_path: Path) -> Path:
    reports = tmp_path / "home" / "reports"
    (reports / "backtest-demo").mkdir(parents=True)
    (reports / "catalog.html").write_text("<h1>first</h1>")
    (reports / "backtest-demo" / "result.json").write_text("{}")
    return tmp_path / "home"


def publish(home: Path, to: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clock = {"MDW_HOME": str(home), "MDW_NOW": f"{TODAY}T00:00:00Z"}
    command = [sys.executable, "-m", "mdw", "publish-reports", "--to", to, "--json"]
    return subprocess.run(
        command, env={**os.environ, **clock, **environment}, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )


def test_to_s3_under_its_day_and_latest_with_its_type(home: Path, s3: dict[str, str]):
    client = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for text in ("<h1>first</h1>", "<h1>second</h1>"):
        (home / "reports" / "catalog.html").write_text(text)
        ended = publish(home, "s3://data/reports/", **s3)
        assert ended.returncode == 0, ended.stderr
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="data")["Contents"]]
    assert keys == [
        f"reports/{TODAY}/backtest-demo/result.json",
        f"reports/{TODAY}/catalog.html",
        "reports/latest/backtest-demo/result.json",
        "reports/latest/catalog.html",
    ]
    page = client.get_object(Bucket="data", Key="reports/latest/catalog.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert page["Body"].read() == b"<h1>second</h1>"
    assert json.loads(ended.stdout)[1]["places"] == [
        f"s3://data/reports/{TODAY}/catalog.html",
        "s3://data/reports/latest/catalog.html",
    ]


def test_to_a_folder(home: Path, tmp_path: Path):
    assert publish(home, str(tmp_path / "site")).returncode == 0
    assert (tmp_path / "site" / "latest" / "catalog.html").read_text() == "<h1>first</h1>"
    assert (tmp_path / "site" / TODAY / "backtest-demo" / "result.json").exists()


def test_a_bucket_that_is_not_there(home: Path, s3: dict[str, str]):
    ended = publish(home, "s3://nobodys/reports", **s3)
    assert ended.returncode == 1
    assert "s3://nobodys/reports/2025-07-01/backtest-demo/result.json cannot be written" in ended.stderr
    assert "s3:PutObject" in ended.stderr


@pytest.mark.parametrize("to", ["gs://bucket/x", "s3://", "https://example.org/x", ""])
def test_an_address_that_is_not_a_destination(home: Path, to: str):
    ended = publish(home, to)
    assert ended.returncode == 2
    assert "Give a folder or s3://bucket/prefix" in ended.stderr


def test_no_report_yet(tmp_path: Path):
    ended = publish(tmp_path / "home", str(tmp_path / "site"))
    assert ended.returncode == 2
    assert "mdw audit --report" in ended.stderr
    assert not (tmp_path / "site").exists()


def test_dbt_s_artifacts_are_kept_by_build_and_as_the_state_of_the_latest(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home, now=datetime.fromisoformat(f"{TODAY}T00:00:00Z"))
    written = dbt.target(settings)
    written.mkdir(parents=True)
    for build in ("auto-1", "auto-2"):
        (written / "run_results.json").write_text(json.dumps({"build": build}))
        (written / "manifest.json").write_text("{}")
        delivery.keep_artifacts(settings, str(tmp_path / "kept"), build)
    kept = {str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*.json")}
    assert kept == {
        f"{TODAY}/auto-1/run_results.json",
        f"{TODAY}/auto-2/run_results.json",
        "latest/run_results.json",
        "latest/manifest.json",
    }
    assert json.loads((tmp_path / "kept" / "latest" / "run_results.json").read_text()) == {"build": "auto-2"}


def test_a_place_that_cannot_be_is_refused_before_anything_is_built(home: Path) -> None:
    command = [sys.executable, "-m", "mdw", "build", "--artifacts", "ftp://somewhere/"]
    environment = {**os.environ, "MDW_HOME": str(home)}
    said = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True)
    assert (said.returncode, "'ftp://somewhere/' is not a destination for files" in said.stderr) == (2, True)
