"""The data quality report: one HTML file that needs no network.

`collect` queries the warehouse (queries.py, audits.py), `render` creates the page (charts.py, page.py, assets/).
"""

from pathlib import Path

from mdw.reports.data_quality.collection import collect
from mdw.reports.data_quality.page import render
from warehouse.settings import Settings

__all__ = ["collect", "render", "write"]


def write(settings: Settings, path: Path) -> Path:
    """Write the report on the newest snapshot to `path` and return it; its folder is created if needed.

    Raises OperationFailed if the warehouse does not answer.
    """
    page = render(collect(settings))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path
