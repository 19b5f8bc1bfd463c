"""Two empty replicas of a ClickHouse cluster, named by the environment: a kit on loopback or a real deployment.

MDW_TEST_CLUSTER_A, MDW_TEST_CLUSTER_B  URLs of an admin on each node
MDW_CLUSTER                             the cluster's name in remote_servers
MDW_TEST_CLUSTER_CONTROL                optional: a command that takes `kill`, `stop`, `start`, `pause`, `resume` or
                                        `wipe`, and `a`, `b` or `zk`, as its last two words; without it tests that lose
                                        a node are skipped
MDW_TEST_CLUSTER_SESSIONS               optional: set if that command also takes `session` and `a`: a session of the
                                        engine with the data of that node, which is stopped
                                        (tests/infra/clickhouse_session.py); without it no backup is restored
MDW_TEST_CLUSTER_ROLES                  optional: set if each node has users `ingest`, `transform`, `researcher` and
                                        `auditor` with the rights of their roles and the admin's password; without it
                                        the admin does everything
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt
from warehouse import access
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Role, Settings

# Read before a fixture hides a developer's own variables.
URLS = tuple(os.environ.get(name, "") for name in ("MDW_TEST_CLUSTER_A", "MDW_TEST_CLUSTER_B"))
NAME = os.environ.get("MDW_CLUSTER", "")
CONTROL = os.environ.get("MDW_TEST_CLUSTER_CONTROL", "")
ROLES = bool(os.environ.get("MDW_TEST_CLUSTER_ROLES"))
SESSIONS = bool(os.environ.get("MDW_TEST_CLUSTER_SESSIONS"))
_DATABASES = ("raw", "staging", "marts", "snaps", "ops", "elementary")


@dataclass
class Node(Warehouse):
    """One replica, used as if it were the warehouse."""

    @property
    def environment(self) -> dict[str, str]:
        assert self.settings.clickhouse_url is not None
        role_urls = {role: url.get_secret_value() for role, url in self.settings.role_urls.items()}
        return {
            "MDW_HOME": str(self.settings.home),
            "MDW_CLICKHOUSE_URL": self.settings.clickhouse_url.get_secret_value(),
            "MDW_CLUSTER": self.settings.cluster,
            "MDW_ROLE_URLS": json.dumps(role_urls),
        }

    def client(self, role: Role = "admin") -> Client:
        return connect(self.settings, role)

    def command(self, statement: str) -> Any:
        with self.client() as client:
            return client.command(statement)

    @property
    def name(self) -> str:
        return str(self.rows("select getMacro('replica')")[0][0])


class NodeDbt(Dbt):
    """dbt by hand, connected to one node: the documented variables and no others."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "MDW_CLUSTER": self.warehouse.settings.cluster}


@dataclass
class Cluster:
    """Both nodes; `a` is where builds run unless a test says otherwise."""

    a: Node
    b: Node
    folder: Path

    def dbt(self, node: Node) -> NodeDbt:
        return NodeDbt(node, self.folder / f"target_{node.settings.home.name}")

    @property
    def can_stop_nodes(self) -> bool:
        return bool(CONTROL)

    def control(self, verb: str, node: str) -> None:
        """Kill, stop, start, pause (SIGSTOP), resume or wipe (delete the data of) a node or Keeper."""
        if not CONTROL:
            pytest.skip("MDW_TEST_CLUSTER_CONTROL is not set: nothing here can stop a node")
        subprocess.run([*shlex.split(CONTROL), verb, node], check=True, timeout=120)


def mdw(node: Node, *arguments: str, exit_code: int = 0) -> str:
    """A command as a person types it, connected to a node; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mdw", *arguments],
        env={**os.environ, **node.environment},
        cwd=PROJECT,
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout if exit_code == 0 else done.stdout + done.stderr


def _role_urls(url: str) -> dict[str, SecretStr]:
    user = urlsplit(url).username
    return {role: SecretStr(url.replace(f"//{user}:", f"//{role}:", 1)) for role in access.ROLES} if ROLES else {}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Migrated; everything that the tests make is dropped at the end."""
    if not all(URLS) or not NAME:
        pytest.skip("MDW_TEST_CLUSTER_A, MDW_TEST_CLUSTER_B and MDW_CLUSTER do not name a cluster of two nodes")
    folder = tmp_path_factory.mktemp("cluster")
    a, b = (
        Node(
            Settings(home=folder / f"node{at}", clickhouse_url=SecretStr(url), cluster=NAME, role_urls=_role_urls(url))
        )
        for at, url in enumerate(URLS)
    )
    found = a.rows(f"select name from system.databases where name in {_DATABASES}")
    if found:
        pytest.fail(f"the cluster is not empty, it has {found}: these tests drop what they find. Give them another one")
    migrate(a.settings)
    yield Cluster(a, b, folder)
    for database in _DATABASES:
        a.command(f"drop database if exists {database} on cluster `{NAME}` sync")
