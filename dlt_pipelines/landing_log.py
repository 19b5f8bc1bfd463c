"""Records every landing in ops.landings, which metrics and reports read."""

import logging

from clickhouse_connect.driver.exceptions import ClickHouseError

from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.planning.plan import Plan
from warehouse.client import connect
from warehouse.errors import OperationFailed

_log = logging.getLogger(__name__)


def limit_use(plan: Plan, report: LandingReport) -> dict[str, float]:
    """Share of each venue's documented limit that the landing used: least time at the limit / time taken."""
    if not report.seconds:
        return {}
    shares: dict[str, float] = {}
    for line in plan.lines():
        shares[line.venue] = max(shares.get(line.venue, 0.0), line.seconds / report.seconds)
    return shares


def record(plan: Plan, report: LandingReport, *, paced: bool) -> None:
    """Write one row; if that fails, only log a warning, since the pages themselves have landed.

    Without pacing (a replay), the share of a limit is meaningless and is left out.
    """
    columns = ["seconds", "pages", "rows", "failures", "faults", "limit_use"]
    row = [
        report.seconds,
        report.pages,
        report.rows,
        len(report.failures),
        {str(kind): count for kind, count in report.faults.items()},
        limit_use(plan, report) if paced else {},
    ]
    try:
        with connect(plan.settings, "ingest") as client:
            client.insert("ops.landings", [row], column_names=columns)
    except (ClickHouseError, OperationFailed) as error:
        _log.warning("The landing could not be recorded in ops.landings: %s", error)
