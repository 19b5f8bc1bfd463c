"""A temporary warehouse for a benchmark: migrated, and built once while empty."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from clickhouse_connect.driver.client import Client

from mdw.publishing import snapshot_build
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.settings import Settings


@contextmanager
def built_warehouse(now: datetime | None = None) -> Iterator[tuple[Settings, Client]]:
    """Yield its settings (MDW_HOME is set, so that dbt finds it too) and a client of the administrator.

    `now`: the time that its builds use, UTC.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MDW_HOME"] = str(Path(folder) / "mdw")
        settings = Settings.load().model_copy(update={"now": now})
        embedded.up(settings)
        try:
            migrate(settings)
            assert snapshot_build.build(settings, "start").published
            with connect(settings, "admin") as client:
                yield settings, client
        finally:
            embedded.down(settings)
