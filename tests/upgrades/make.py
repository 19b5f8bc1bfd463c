"""Makes a warehouse with the code of an earlier revision and stores it as a fixture: see docs/upgrades.md.

    python -m tests.upgrades.make REVISION

checks REVISION out beside the repository, lands the synthetic market of the replay with that code, publishes two
snapshots (`first`, and `second` with revised and new bars), and writes tests/upgrades/warehouses/REVISION.zip.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.upgrades import stored
from warehouse import embedded
from warehouse.client import connect
from warehouse.project import PROJECT
from warehouse.settings import Settings

HERE = Path(__file__).parent
# Their audits do not run on the currently pinned ClickHouse: a second snapshot is published without them.
_UNAUDITED = {"4735738"}
_PUBLISH = """
from mdw import dbt
from warehouse.settings import Settings
variables = {{"snapshot_id": "second", "now": "{now}"}}
outcome = dbt.run(Settings.load(), "run", variables, "--exclude", "path:models/dq")
assert not outcome.failed and not outcome.exit_code, outcome
"""
# Fourteen hours after the start of the history in universe.yml, so that there are two months.
_NOW = datetime(2025, 7, 1, 2, 0, 30, tzinfo=UTC)


def main(revision: str) -> None:
    """Write the fixture, replacing an existing one of the same revision."""
    with tempfile.TemporaryDirectory(prefix="mdw-upgrade-") as folder, checked_out(revision, Path(folder)) as code:
        home = Path(folder) / "home"
        settings = Settings(home=home, clickhouse_url=None)
        try:
            _publish_two(code, home)
            with connect(settings, "admin") as client:
                written = stored.write(client, HERE / "warehouses" / f"{revision}.zip")
        finally:
            embedded.down(settings)
    sys.stdout.write(f"{written} ({written.stat().st_size:,} bytes)\n")


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """A worktree of the revision while the context is open."""
    code = folder / revision
    git = ("git", "-C", str(PROJECT), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(code), revision], check=True)
    try:
        yield code
    finally:
        subprocess.run([*git, "remove", "--force", str(code)], check=True)


def _publish_two(code: Path, home: Path) -> None:
    with _replay(code, seed=7, now=_NOW) as market:
        _mdw(code, home, market, _NOW, "up")
        _mdw(code, home, market, _NOW, "migrate")
        _mdw(code, home, market, _NOW, "backfill", "--lane", "rest")
        _mdw(code, home, market, _NOW, "build", "--snapshot-id", "first", "--note", "made for tests/upgrades")
    later = _NOW + timedelta(hours=1)
    # Another seed, so that the venue revises its last hour.
    with _replay(code, seed=8, now=_NOW) as market:
        start = f"{_NOW - timedelta(hours=1):%Y-%m-%dT%H:00:00Z}"
        window = ("--venue", "binance", "--dataset", "bars", "--start", start)
        _mdw(code, home, market, later, "backfill", "--lane", "rest", "--refetch", *window)
    with _replay(code, seed=7, now=later) as market:
        _mdw(code, home, market, later, "backfill", "--lane", "rest")
        if code.name in _UNAUDITED:
            _python(code, home, market, later, "-c", _PUBLISH.format(now=later.isoformat()))
        else:
            _mdw(code, home, market, later, "build", "--snapshot-id", "second")


@contextmanager
def _replay(code: Path, seed: int, now: datetime) -> Iterator[dict[str, str]]:
    program = (
        "import json, sys\n"
        "from replay.process import ReplayProcess\n"
        "with ReplayProcess(*sys.argv[1:]) as served:\n"
        "    print(json.dumps(served.environment), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    arguments = ("--synthetic", "--seed", str(seed), "--now", now.isoformat(), "--standing")
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def _mdw(code: Path, home: Path, market: dict[str, str], now: datetime, *words: str) -> None:
    _python(code, home, market, now, "-m", "mdw", *words)


def _python(code: Path, home: Path, market: dict[str, str], now: datetime, *arguments: str) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MDW_")},
        **market,
        "PYTHONPATH": str(code),
        "MDW_HOME": str(home),
        "MDW_NOW": now.isoformat(),
        "MDW_UNIVERSE": str(HERE / "universe.yml"),
    }
    subprocess.run([sys.executable, *arguments], cwd=code, env=environment, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
