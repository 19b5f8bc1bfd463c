"""What the warehouses of a test run start from, made once per run: a migrated server, and dbt's parse result.

A run starts about a hundred servers; migrating each takes three seconds, and parsing the dbt project ten.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from mdw.publishing import dbt
from warehouse import embedded
from warehouse.embedded.clone import clone
from warehouse.migrate import migrate
from warehouse.settings import Settings

_PARSED = "partial_parse.msgpack"
_ANY_PORT = "65535"
# Prints the text whose SHA-256 dbt keeps with a parse result, to notice that the connection has changed.
_CONNECTION = """
import os, pprint, sys
from argparse import Namespace
from dbt.config.runtime import load_profile
from dbt.flags import set_from_args
from dbt_common.context import set_invocation_context
set_invocation_context(os.environ)
set_from_args(Namespace(profiles_dir=sys.argv[1], project_dir=sys.argv[1]), None)
print(pprint.pformat(sorted(load_profile(sys.argv[1], {}, None, None).credentials.connection_info())), end="")
"""


def folder() -> Path:
    """The folder that the processes of one test run share."""
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    place = Path(tempfile.gettempdir()) / f"mdw-test-templates-{run}"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def remove() -> None:
    """Remove the folder, at the end of the process that started the run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(folder(), ignore_errors=True)


def migrated(home: Path) -> None:
    """Make `home` a clone of a warehouse that was migrated and nothing else."""
    origin = Settings(home=folder() / "migrated", clickhouse_url=None)
    ready = folder() / "migrated.ready"
    with FileLock(folder() / "migrated.lock"):
        if not ready.exists():
            embedded.up(origin)
            try:
                migrate(origin)
            finally:
                embedded.down(origin)
            ready.touch()
        clone(origin, home)


def keep_parsed(target: Path, environment_of_run: Callable[[], dict[str, str]]) -> None:
    """Keep the parse result of a dbt run with this target folder and environment, unless one is kept already."""
    parsed = target / _PARSED
    if (folder() / _PARSED).exists() or not parsed.exists():
        return
    with FileLock(folder() / "parsed.lock"):
        if (folder() / _PARSED).exists():
            return
        environment = environment_of_run()
        text = subprocess.run(
            [sys.executable, "-c", _CONNECTION, str(dbt.DBT_PROJECT)],
            env={**environment, "MDW_DBT_HTTP_PORT": _ANY_PORT},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (folder() / "connection.txt").write_text(text)
        own = _checksum(environment["MDW_DBT_HTTP_PORT"])
        content = parsed.read_bytes()
        assert content.count(own) == 1, "dbt recognises a connection by something else than this module assumes"
        part = folder() / "parsed.part"
        part.write_bytes(content.replace(own, _checksum(_ANY_PORT)))
        part.rename(folder() / _PARSED)


def place_parsed(target: Path, port: int) -> None:
    """Place the kept parse result, if any, in dbt's target folder for the connection to this port."""
    kept = folder() / _PARSED
    if kept.exists():
        target.mkdir(parents=True, exist_ok=True)
        (target / _PARSED).write_bytes(kept.read_bytes().replace(_checksum(_ANY_PORT), _checksum(str(port))))


def _checksum(port: str) -> bytes:
    text = (folder() / "connection.txt").read_text()
    return hashlib.sha256(text.replace(_ANY_PORT, port).encode()).hexdigest().encode()
