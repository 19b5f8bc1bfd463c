"""Errors of the machine are one line that says what to do, never a traceback or a driver's own message."""

import asyncio
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from dlt_pipelines.archive.download import Downloader
from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.series import Series
from dlt_pipelines.http import ccxt_client, plain_client
from dlt_pipelines.venues import ARCHIVES
from mdw.cli import entry_point
from tests.conftest import Warehouse
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT
from warehouse.settings import Settings

NOBODY = "http://127.0.0.1:9"
BUDGET = Budget("test", 1000, 1)
KLINES = Endpoint("/api/v3/klines", "public_get_klines", "", BUDGET, page_rows=1000)


def run(*arguments: str, limit: int | None = None, **environment: str) -> tuple[int, list[str]]:
    """`mdw` as a user runs it: exit code, and lines of both outputs."""
    shell = f"ulimit -n {limit}; " if limit else ""
    done = subprocess.run(
        ["bash", "-c", f'{shell}exec "$@"', "bash", sys.executable, "-m", "mdw", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT,
        text=True,
        capture_output=True,
        timeout=120,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_a_server_without_enough_file_handles_names_the_limit(tmp_path: Path) -> None:
    code, lines = run("up", limit=24, MDW_HOME=str(tmp_path))
    assert code == 1
    (line,) = lines
    assert "ClickHouse could not start: too many open files. This process may open 24 at once" in line
    assert "ulimit -n 4096" in line


def test_a_table_that_is_missing_is_one_line_with_the_next_step(warehouse: Warehouse) -> None:
    with warehouse.client() as client:
        client.command("drop table ops.quarantine sync")
    code, lines = run("audit", "--quarantined", MDW_HOME=str(warehouse.settings.home))
    assert code == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith("failed: ClickHouse lacks a table: ")
    assert "ops.quarantine" in lines[0]
    assert "mdw migrate" in lines[0]


def test_an_unreachable_server_is_a_single_line_of_ours(tmp_path: Path) -> None:
    code, lines = run("snapshot", "list", MDW_HOME=str(tmp_path), MDW_CLICKHOUSE_URL="http://reader:pw@127.0.0.1:9")
    assert code == 1
    (line,) = lines
    assert line == (
        "failed: ClickHouse does not answer at http://127.0.0.1:9 (Connection refused). "
        "Check the address in MDW_CLICKHOUSE_URL and the network."
    )


@contextmanager
def no_file_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open("/dev/null", os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _open() -> None:
    return None


def _asked(
    client: ccxt_client.CcxtClient | plain_client.PlainClient, params: dict[str, str]
) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        with no_file_left():
            try:
                return await client.get(KLINES, params, _open)
            finally:
                await client.close()

    return ask


async def by_ccxt() -> object:
    client = ccxt_client.CcxtClient("binance", BUDGET, {"public": NOBODY}, None)
    return await _asked(client, {"symbol": "BTCUSDT", "interval": "1m"})()


async def by_plain_http() -> object:
    return await _asked(plain_client.PlainClient(NOBODY, BUDGET, None), {})()


async def by_archive() -> object:
    series = Series("bars", "binance", "spot", "BTC/USDT", "1h")
    archive = ARCHIVES["binance"]
    async with Downloader(archive, NOBODY) as downloader:
        with no_file_left():
            return await downloader.get(archive.file(series, "monthly", "2024-11", 1730419200000, 1733011200000))


@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http, by_archive])
def test_a_venue_is_not_blamed_for_our_own_limit(ask: Callable[[], Awaitable[object]]) -> None:
    async def main() -> object:
        return await ask()

    with pytest.raises(OperationFailed, match="could not be requested: too many open files"):
        asyncio.run(main())


def test_clickhouse_is_not_blamed_for_our_own_limit() -> None:
    settings = Settings(clickhouse_url=SecretStr("http://reader:pw@127.0.0.1:9"))
    with pytest.raises(OperationFailed, match="does not answer"):
        connect(settings)
    with no_file_left(), pytest.raises(OperationFailed, match="could not be reached: too many open files"):
        connect(settings)


def _grouped() -> Exception:
    return ExceptionGroup("tasks", [ValueError("x"), OSError(errno.EMFILE, "Too many open files")])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files", "/proc/stat"), "at once; raise the limit"),
        (_grouped(), "at once; raise the limit"),
        (ImportError("libx.so: cannot open shared object file: Too many open files"), "at once; raise the limit"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            "/x/y: No space left on device. Free some space there",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied."),
    ],
)
def test_errors_of_the_machine_are_one_line(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(entry_point, "app", fail)
    with pytest.raises(SystemExit) as ended:
        entry_point.main()
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: ")
    assert words in line


def test_an_error_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(entry_point, "app", fail)
    with pytest.raises(KeyError):
        entry_point.main()
