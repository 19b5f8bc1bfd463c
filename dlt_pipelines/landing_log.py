"""Keep how a landing went (ops.landings)."""

import logging
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.client import connect
from warehouse.errors import OperationFailed

if TYPE_CHECKING:
    from dlt_pipelines.core.progress import LandingReport
    from dlt_pipelines.planning.plan import Plan

_log = logging.getLogger(__name__)


def limit_use(plan: "Plan", report: "LandingReport") -> dict[str, float]:
    """Share of each venue's documented limit that the landing used: time at the limit over time taken."""
    if not report.seconds:
        return {}
    shares: dict[str, float] = {}
    for line in plan.lines():
        shares[line.venue] = max(shares.get(line.venue, 0.0), line.seconds / report.seconds)
    return shares


def record(plan: "Plan", report: "LandingReport") -> None:
    """Write one row; a landing is no failure because its numbers could not be kept."""
    columns = ["seconds", "pages", "rows", "failures", "faults", "limit_use"]
    row = [
        report.seconds,
        report.pages,
        report.rows,
        len(report.failures),
        {str(kind): count for kind, count in report.faults.items()},
        limit_use(plan, report),
    ]
    try:
        with connect(plan.settings, "ingest") as client:
            client.insert("ops.landings", [row], column_names=columns)
    except (ClickHouseError, OperationFailed) as error:
        _log.warning("the numbers of this landing were not kept: %s", error)
