"""The data catalog: dbt's docs site as one static file."""

import shutil
from pathlib import Path

from mdw.publishing import dbt
from warehouse.errors import OperationFailed
from warehouse.settings import Settings


def write(settings: Settings) -> Path:
    """Write MDW_HOME/reports/catalog.html and return its path; raises OperationFailed if dbt fails."""
    # In a separate folder: otherwise it would overwrite the artifacts of the last build, which the report reads.
    artifacts = settings.home / "dbt" / "docs"
    outcome = dbt.run(settings, "docs", {}, sub=("generate", "--static"), artifacts=artifacts)
    if outcome.exit_code:
        raise OperationFailed(f"dbt docs failed: {' '.join(outcome.errors)}")
    page = settings.home / "reports" / "catalog.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(artifacts / "static_index.html", page)
    return page
