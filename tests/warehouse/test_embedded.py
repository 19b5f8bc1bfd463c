"""The embedded server from an operator's point of view."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.conftest import Warehouse
from warehouse import embedded
from warehouse.client import connect
from warehouse.embedded.state import read_state, state_file, write_state
from warehouse.errors import OperationFailed
from warehouse.settings import Settings


def settings_for(home: Path, **more: object) -> Settings:
    return Settings(home=home, clickhouse_url=None, **more)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path
    with contextlib.suppress(OperationFailed, psutil.NoSuchProcess):
        psutil.Process(read_state(tmp_path).pid).kill()


def test_up_twice_is_one_server_and_down_stops_it_in_good_order(home):
    settings = settings_for(home)
    first = embedded.up(settings)
    assert first.running
    assert embedded.up(settings).pid == first.pid
    assert embedded.down(settings) is True
    assert first.pid is not None
    assert not psutil.pid_exists(first.pid)
    assert embedded.status(settings).running is False
    assert embedded.down(settings) is False
    assert "Fatal" not in (home / "clickhouse" / "server.err.log").read_text()


def test_the_log_holds_warnings_and_no_chatter(home):
    settings = settings_for(home)
    embedded.up(settings)
    with connect(settings, "admin") as client:
        client.command("create table default.noted (x UInt8) engine = MergeTree order by x")
        for number in range(5):
            client.command(f"insert into default.noted values ({number})")
        with pytest.raises(DatabaseError):
            client.command("select throwIf(1, 'this belongs into the log')")
    embedded.down(settings)
    log = (home / "clickhouse" / "server.log").read_text()
    assert "this belongs into the log" in log
    assert re.search("<(Trace|Debug|Information)>|Temporarily pause", log) is None


def test_the_size_is_reported_while_parts_come_and_go(warehouse: Warehouse):
    done = threading.Event()

    def churn() -> None:
        with warehouse.client() as client:
            while not done.is_set():
                client.command("create or replace table default.coming (x UInt8) engine = MergeTree order by x")
                client.command("insert into default.coming select 1 from numbers(3)")
                client.command("drop table default.coming sync")

    with ThreadPoolExecutor(1) as pool:
        churning = pool.submit(churn)
        try:
            sizes = [embedded.status(warehouse.settings).data_bytes for _ in range(300)]
        finally:
            done.set()
        churning.result()
    assert min(sizes) > 0


def test_ports_and_passwords_stay_over_a_restart(home):
    settings = settings_for(home)
    first = embedded.up(settings)
    passwords = read_state(home).passwords
    embedded.down(settings)
    assert embedded.up(settings).address == first.address
    assert read_state(home).passwords == passwords


def test_the_server_listens_on_loopback_only(home):
    embedded.up(settings_for(home))
    process = psutil.Process(read_state(home).pid)
    listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_the_passwords_are_readable_by_the_owner_only_and_in_no_other_file(home):
    embedded.up(settings_for(home))
    assert stat.S_IMODE(state_file(home).stat().st_mode) == 0o600
    secret = read_state(home).passwords["admin"]
    others = [path for path in (home / "clickhouse").glob("*") if path.is_file() and path != state_file(home)]
    assert len(others) >= 3
    assert not [path for path in others if secret in path.read_text(errors="replace")]


def test_acknowledged_inserts_survive_kill_9(warehouse: Warehouse):
    with warehouse.client() as client:
        client.command("create table marts.t (x UInt64) engine = MergeTree order by x")
        for start in range(0, 50_000, 5_000):
            client.command(f"insert into marts.t select number + {start} from numbers(5000)")
    warehouse.kill()
    assert embedded.status(warehouse.settings).running is False
    embedded.up(warehouse.settings)
    assert warehouse.rows("select count(), uniqExact(x) from marts.t") == [(50_000, 50_000)]


def test_a_port_in_use_is_named_with_its_variable(home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OperationFailed, match=rf"Port {port} \(MDW_HTTP_PORT\) is taken"):
            embedded.up(settings_for(home, http_port=port))
    assert not state_file(home).exists()


def test_a_remembered_port_that_is_in_use_is_replaced_by_a_free_one(home):
    settings = settings_for(home)
    embedded.up(settings)
    embedded.down(settings)
    port = read_state(home).http_port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        assert embedded.up(settings).address != f"http://127.0.0.1:{port}"


def test_a_folder_that_another_process_serves_is_refused_with_the_reason(home):
    settings = settings_for(home)
    embedded.up(settings)
    running = read_state(home)
    forgotten = read_state(home)
    forgotten.pid = 0
    write_state(home, forgotten)
    try:
        with pytest.raises(OperationFailed, match="in use by another process"):
            embedded.up(settings)
    finally:
        os.kill(running.pid, signal.SIGKILL)


def test_without_the_wheel_the_message_says_what_to_do(home):
    # As on a platform without the wheel: every package except this one.
    code = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "chdb" else find(name, *rest)
sys.argv = ["serve", "."]
runpy.run_module("warehouse.embedded.serve", run_name="__main__")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert re.search(r"chdb-core.*not installed.*MDW_CLICKHOUSE_URL", ended.stderr)


def test_uptime_shows_a_restart(home):
    settings = settings_for(home)
    embedded.up(settings)
    time.sleep(1.2)
    assert (embedded.status(settings).uptime or 0) >= 1
