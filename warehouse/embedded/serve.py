"""The server process: `python -m warehouse.embedded.serve FOLDER` serves until it is stopped.

FOLDER contains config.xml, users.xml and the data. The process ends cleanly when its sleeping query is killed
(control.down does that): the engine then shuts down cleanly. If the engine cannot start, which it returns as a
result and not as an error, its message is printed, and the exit code is 1.
"""

import importlib.util
import os
import sys
import types
from pathlib import Path

from warehouse.embedded.marker import SERVING

_SERVE = " ".join(
    (
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;",
        "SELECT sleepEachRow(1)",
        f"/* {SERVING} */",
        "FROM numbers(1000000000)",
        "SETTINGS max_block_size = 1, max_execution_time = 0, max_rows_to_read = 0 FORMAT Null",
    )
)


def _engine() -> types.ModuleType:
    # chdb/__init__.py would start the other, in-process engine: an empty package in its place avoids that.
    spec = importlib.util.find_spec("chdb")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit(
            "chdb-core, which contains the embedded ClickHouse, is not installed: it has wheels for Linux (x86-64, "
            "ARM) and macOS. Run `make setup`, or set MDW_CLICKHOUSE_URL to use a ClickHouse server."
        )
    package = types.ModuleType("chdb")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["chdb"] = package
    return importlib.import_module("chdb._chdb")


def main(folder: Path) -> int:
    """Serve from the folder; the return value is the exit code."""
    os.chdir(folder)
    engine = _engine()
    result = engine.query(_SERVE, "TabSeparated", path=str(folder / "data"))
    error = result.error_message() if result.has_error() else ""
    if "QUERY_WAS_CANCELLED" in error or not error:
        return 0
    sys.stderr.write(error + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
