"""Start, stop and describe the embedded server."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from warehouse import open_files
from warehouse.embedded.config import users_config, write_config
from warehouse.embedded.marker import SERVING
from warehouse.embedded.state import State, folder, new_passwords, read_state, state_file, write_state
from warehouse.errors import OperationFailed
from warehouse.project import CODE
from warehouse.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Status:
    """State of the server. `uptime` in seconds, sizes in bytes; None if it is not running."""

    running: bool
    address: str | None
    pid: int | None
    version: str | None
    uptime: float | None
    memory: int | None
    data_bytes: int
    log: str


def up(settings: Settings) -> Status:
    """Start the server, unless it is already running.

    Raises OperationFailed if a port is taken, the folder belongs to another process, or ClickHouse fails to start.
    """
    where = folder(settings.home)
    _make_folder(where)
    try:
        with FileLock(where / "control.lock", timeout=_START_SECONDS):
            if _serving(settings) is None:
                _start(settings, where)
            return status(settings)
    except Timeout:
        raise OperationFailed(f"Another `mdw up` or `mdw down` is running in {settings.home}; try again.") from None


def down(settings: Settings) -> bool:
    """Stop the server cleanly; returns False if it was not running."""
    if not state_file(settings.home).exists():
        return False
    with FileLock(folder(settings.home) / "control.lock", timeout=_STOP_SECONDS):
        process = _serving(settings)
        if process is None:
            return False
        _kill_serving_query(read_state(settings.home))
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return True
        # ClickHouse survives this without losing an acknowledged insert (tests/warehouse/test_embedded.py).
        process.kill()
        process.wait(10)
        return True


def refresh_access(settings: Settings) -> bool:
    """Restart the server if it was started with other grants than this code has; returns whether it was restarted.

    The server reads its users when it starts, and users from a file cannot be changed with GRANT.
    """
    written = folder(settings.home) / "users.xml"
    if _serving(settings) is None or written.read_text() == users_config(read_state(settings.home)):
        return False
    down(settings)
    up(settings)
    return True


def status(settings: Settings) -> Status:
    """Whether the server is running, its address, and its size."""
    where = folder(settings.home)
    log = str(where / "server.log")
    size = _size(where / "data")
    process = _serving(settings)
    if process is None:
        return Status(False, None, None, None, None, None, size, log)
    state = read_state(settings.home)
    version, uptime = _query(state, "select version(), uptime()").split("\t")
    address = state.connection("admin").address
    return Status(True, address, process.pid, version, float(uptime), process.memory_info().rss, size, log)


def _size(data: Path) -> int:
    """Bytes of all files; files that the server removes meanwhile are ignored."""
    size = 0
    for inside, _, names in os.walk(data):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += Path(inside, name).lstat().st_size
    return size


def _make_folder(where: Path) -> None:
    try:
        where.mkdir(parents=True, exist_ok=True)
        where.chmod(0o700)
    except OSError as error:
        raise OperationFailed(
            f"{where} cannot be used: {error.strerror}. Set MDW_HOME to a folder that you can write to."
        ) from None


def _start(settings: Settings, where: Path) -> None:
    old = read_state(settings.home) if state_file(settings.home).exists() else None
    http_port = _port("MDW_HTTP_PORT", settings.http_port, old.http_port if old else None)
    tcp_port = _port("MDW_TCP_PORT", settings.tcp_port, old.tcp_port if old else None, taken=http_port)
    state = State(http_port, tcp_port, old.passwords if old else new_passwords())
    write_config(where, state)
    with (where / "server.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "warehouse.embedded.serve", str(where)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CODE)},
        )
    state.pid, state.pid_started = process.pid, psutil.Process(process.pid).create_time()
    write_state(settings.home, state)
    _wait(state, process, where)


def _wait(state: State, process: subprocess.Popen[bytes], where: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise OperationFailed(_failure_reason(where, process.returncode))
        with contextlib.suppress(OperationFailed):
            _query(state, "select 1")
            return
        time.sleep(0.05)
    process.kill()
    raise OperationFailed(f"ClickHouse did not answer within {_START_SECONDS:.0f} s. Its log: {where / 'server.log'}")


def _failure_reason(where: Path, code: int) -> str:
    output = (where / "server.out").read_text(errors="replace")
    errors = [line for line in output.splitlines() if "Exception" in line or "chdb-core" in line] or output.splitlines()
    reason = errors[-1].strip()[:400] if errors else f"exit code {code} without a message"
    if open_files.reported_in(output):
        return str(open_files.too_low("ClickHouse could not start"))
    if "CANNOT_OPEN_FILE" in output or "lock" in output.lower():
        return f"The data folder {where} is in use by another process (one server owns a folder): {reason}"
    return f"ClickHouse could not start: {reason}. Its log: {where / 'server.log'}"


def _port(variable: str, wanted: int | None, last: int | None, taken: int | None = None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise OperationFailed(
                f"Port {wanted} ({variable}) is taken by another program. Choose another one, or unset {variable} "
                "for a free one."
            )
        return wanted
    if last is not None and last != taken and _is_free(last):
        return last
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port != taken:
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _serving(settings: Settings) -> psutil.Process | None:
    """The server process, unless its pid now belongs to another program."""
    if not state_file(settings.home).exists():
        return None
    state = read_state(settings.home)
    try:
        process = psutil.Process(state.pid) if state.pid else None
        if process is None or abs(process.create_time() - state.pid_started) > 1:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _query(state: State, query: str) -> str:
    connection = state.connection("admin")
    request = urllib.request.Request(  # noqa: S310 - loopback, our own server
        connection.address,
        data=query.encode(),
        headers={"X-ClickHouse-User": connection.user, "X-ClickHouse-Key": connection.password},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode()).strip()
    except (urllib.error.URLError, OSError) as error:
        raise OperationFailed(f"ClickHouse at {connection.address} does not answer: {error}") from None


def _kill_serving_query(state: State) -> None:
    # There may be no response: the server closes the connection while it shuts down.
    with contextlib.suppress(OperationFailed):
        _query(state, f"kill query where query like '%{SERVING}%' and query not like '%kill query%' async")
