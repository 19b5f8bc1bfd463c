"""The server's configuration, loaded by a real ClickHouse engine: the embedded one, which cannot listen by TLS, so that
a plain port and a user for its own session are added in two files of the test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infra.clickhouse_node import Node
from warehouse.project import PROJECT

Ask = Callable[[str], str]
CONFIGURATION = PROJECT / "infra" / "clickhouse"
_SESSION = """<clickhouse><users><default><password></password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
<profile>default</profile><quota>default</quota>
<grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants></default></users></clickhouse>"""
_BASE_USERS = (
    "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default/></users></clickhouse>"
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    folder = tmp_path_factory.mktemp("clickhouse")
    node = Node.make(folder)
    assert node.run("certificates").returncode == 0
    assert node.run("configure").returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = folder / "server"
    shutil.copytree(folder / "etc" / "clickhouse-server", server)
    for path in server.rglob("*.xml"):
        text = path.read_text().replace("/etc/clickhouse-server/tls", str(folder / "tls"))
        text = text.replace("/var/log/clickhouse-server", str(folder / "log"))
        text = text.replace("/var/lib/clickhouse/access", str(folder / "access"))
        path.write_text(text)
    (server / "config.xml").write_text("<clickhouse><users_config>users.xml</users_config></clickhouse>")
    (server / "users.xml").write_text(_BASE_USERS)
    (server / "users.d" / "zz-session.xml").write_text(_SESSION)
    (server / "config.d" / "zz-session.xml").write_text(
        f"<clickhouse><listen_host>127.0.0.1</listen_host><http_port>{port}</http_port>"
        "<allow_no_password>1</allow_no_password><allow_plaintext_password>1</allow_plaintext_password>"
        "<tcp_port>0</tcp_port></clickhouse>"
    )
    environment = {**os.environ, **node.service_environment(), "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "warehouse.embedded.serve", str(server)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    password = (folder / "etc" / "secret.env").read_text().strip().partition("=")[2]

    def question(query: str) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/",
            data=query.encode(),
            headers={"X-ClickHouse-User": "bootstrap", "X-ClickHouse-Key": password},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode()).strip()

    for _ in range(300):
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        try:
            question("select 1")
            break
        except OSError:
            time.sleep(0.1)
    yield question
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def test_bootstrap_is_the_only_user_of_the_file_and_local(ask: Ask) -> None:
    users = ask("select name, auth_type, host_ip, host_names from system.users where name != 'default' format TSV")
    assert users == "bootstrap\t['sha256_password']\t[]\t['localhost']"


def test_bootstrap_may_hand_on_every_right_as_users_sh_does(ask: Ask) -> None:
    """GRANT ALL … WITH GRANT OPTION needs all rights of the grantor: Code 497 if one is missing.

    The engine keeps no SQL users, so that the statement ends at the user of a file, but only after it was allowed.
    """
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask("grant all on *.* to default with grant option")
    said = refused.value.read().decode()
    assert "ACCESS_DENIED" not in said, said
    assert "ACCESS_STORAGE_READONLY" in said, said


def test_settings_of_this_repository_are_in_force(ask: Ask) -> None:
    found = dict(
        line.split("\t") for line in ask("select name, value from system.server_settings format TSV").splitlines()
    )
    assert found["max_server_memory_usage_to_ram_ratio"] == "0.75"
    assert found["max_concurrent_queries"] == "100"
    assert found["max_table_size_to_drop"] == "50000000000"
    assert ask("select count() from system.settings_profiles where name in ('writer', 'auditor')") == "2"


def test_every_log_table_of_the_server_forgets(ask: Ask) -> None:
    ask("system flush logs")
    tables = ask(
        "select name, engine_full like '%TTL%' from system.tables "
        "where database = 'system' and name like '%_log' and engine like '%MergeTree' format TSV"
    )
    kept = dict(line.split("\t") for line in tables.splitlines())
    assert {"query_log", "metric_log"} & set(kept), kept
    without = [name for name, ttl in kept.items() if ttl != "1"]
    assert not without


def test_each_file_is_well_formed_and_holds_no_password() -> None:
    files = sorted(CONFIGURATION.rglob("*.xml"))
    assert len(files) >= 10
    for path in files:
        for element in ElementTree.parse(path).iter():
            if element.tag.startswith("password"):
                assert element.get("from_env"), path
                assert not (element.text or "").strip()


def test_keeper_majority_and_replicas_are_the_same_three_hosts() -> None:
    keeper = ElementTree.parse(CONFIGURATION / "cluster" / "70-keeper.xml")
    hosts = [host.get("from_env") for host in keeper.iter("hostname")]
    cluster = ElementTree.parse(CONFIGURATION / "cluster" / "60-cluster.xml")
    assert hosts == ["MDW_HOST_1", "MDW_HOST_2", "MDW_HOST_3"]
    assert [node.get("from_env") for node in cluster.findall("zookeeper/node/host")] == hosts
    assert [replica.get("from_env") for replica in cluster.iter("host")][:2] == hosts[:2]


def test_only_tls_ports_are_open(tmp_path: Path) -> None:
    network = ElementTree.parse(CONFIGURATION / "config.d" / "10-network.xml").getroot()
    for plain in ("http_port", "tcp_port", "interserver_http_port", "mysql_port", "postgresql_port"):
        element = network.find(plain)
        assert element is not None
        assert element.get("remove") == "remove"
    assert (network.findtext("https_port"), network.findtext("tcp_port_secure")) == ("8443", "9440")
