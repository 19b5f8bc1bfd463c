"""A warehouse of a benchmark's own: migrated, built once with nothing in it, gone afterwards."""

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
    """Its settings (MDW_HOME names it, so that dbt finds it, too) and a client of the administrator.

    `now`: what its builds take for the present, UTC.
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
