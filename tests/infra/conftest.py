"""An AWS account on loopback: moto, and a small MWAA."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

import tests.infra.cloudformation_types
import tests.infra.strict_models  # noqa: F401 - clients check what botocore leaves to the service
from tests.infra.airflow_service import AirflowService
from tests.infra.package_index import PackageIndex
from warehouse.project import PROJECT

REGION = "ap-northeast-1"
FAST = ("--poll", "0.02")


@dataclass
class Account:
    """The account and the command line that deploys into it."""

    airflow: AirflowService
    packages: PackageIndex
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run deploy.py as an operator would, in a separate process."""
        return subprocess.run(
            [sys.executable, "-m", "infra.mwaa.deploy", *arguments],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env={**os.environ, **self.environment, "COLUMNS": "200"},
            timeout=300,
        )

    def outputs(self) -> dict[str, str]:
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for stack in stacks for one in stack.get("Outputs", [])}


@contextmanager
def open_account() -> Iterator[Account]:
    """An empty account; this process's environment reaches it too, as cloudformation_types requires."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    airflow = AirflowService()
    packages = PackageIndex("26.8.2.7", "26.8.9.4", "26.8.10.6")
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ENDPOINT_URL_MWAA": airflow.url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MDW_CLICKHOUSE_PACKAGES": packages.url,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        moto_api_backend.reset()
        yield Account(airflow, packages, environment)
        moto_api_backend.reset()
    airflow.close()
    packages.close()
    server.stop()


@pytest.fixture
def account() -> Iterator[Account]:
    """An empty account for one test."""
    with open_account() as opened:
        yield opened


@pytest.fixture(scope="module")
def deployed() -> Iterator[Account]:
    """An account in which dev was deployed once; tests only read it."""
    with open_account() as opened:
        done = opened.deploy("deploy", "dev", *FAST)
        assert done.returncode == 0, done.stderr
        yield opened


@pytest.fixture
def parameters(tmp_path: Path) -> Path:
    """A copy of dev.json that a test may change."""
    path = tmp_path / "dev.json"
    path.write_text((PROJECT / "infra/mwaa/parameters/dev.json").read_text())
    return path


def change(path: Path, stack: str, **values: object) -> None:
    """Set parameters of one stack in a parameters file; None removes."""
    content = json.loads(path.read_text())
    entry = next(entry for entry in content["stacks"] if entry["name"] == stack)
    for name, value in values.items():
        if value is None:
            entry["parameters"].pop(name)
        else:
            entry["parameters"][name] = value
    path.write_text(json.dumps(content))
