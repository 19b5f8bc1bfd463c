"""The current problems as alerts: audit errors, stale series, failed builds."""

from collections import defaultdict

from clickhouse_connect.driver.client import Client

from dlt_pipelines.venues import serving
from mdw.alerting.alert import Alert
from mdw.alerting.live import live_alerts
from mdw.quality.findings import AuditRun, Finding, newest_run

PREFIXES = ("audit:", "stale:", "build:", "live:")
_STALE = ("bars_fresh", "funding_fresh", "fear_greed_fresh")
_LISTED = 5


def present_alerts(client: Client) -> list[Alert]:
    """Alerts for the current state of the warehouse; keys begin with one of PREFIXES."""
    run = newest_run(client)
    return [
        *(_of_audits(run) if run else []),
        *(_of_freshness(run) if run else []),
        *_of_builds(client),
        *live_alerts(client),
    ]


def _of_audits(run: AuditRun) -> list[Alert]:
    """One alert per audit, however many series it names."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in run.of("error"):
        found[finding.audit].append(finding)
    return [
        Alert(
            key=f"audit:{audit}",
            severity="error",
            title=f"Audit {audit} fails: nothing is published until it passes",
            detail=_list(findings),
            runbook=findings[0].runbook,
        )
        for audit, findings in found.items()
    ]


def _of_freshness(run: AuditRun) -> list[Alert]:
    """One alert per venue: if an exchange is down, all its series are stale together."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in run.of("warn", "error"):
        if finding.audit in _STALE:
            found[finding.instrument_id.split(":")[0] or serving("fear_greed")[0]].append(finding)
    return [
        Alert(
            key=f"stale:{venue}",
            severity="warn",
            title=f"{len(findings)} stale series of {venue}",
            detail=_list(findings),
            runbook="runbooks/stale_series.md",
        )
        for venue, findings in found.items()
    ]


def _of_builds(client: Client) -> list[Alert]:
    """An alert for the newest completed build, if it failed."""
    rows = client.query(
        "select version, argMax(state, recorded_at) as newest, argMax(owner, recorded_at), toString(max(recorded_at)) "
        "from ops.builds group by version, invocation_id having newest in ('finished', 'failed', 'abandoned') "
        "order by version desc limit 1"
    ).result_rows
    return [
        Alert(
            key="build:failed",
            severity="error",
            title="The newest build did not publish" if state == "failed" else "The newest build died",
            detail=f"Build {version} of {owner} {state} at {moment} UTC; readers keep the last good snapshot.",
            runbook="runbooks/build_failed.md",
        )
        for version, state, owner, moment in rows
        if state != "finished"
    ]


def _list(findings: list[Finding]) -> str:
    lines = [f"{finding.series} {finding.span}: {finding.detail}" for finding in findings[:_LISTED]]
    more = len(findings) - _LISTED
    return "\n".join([*lines, *([f"… and {more} more: mdw audit --last"] if more > 0 else [])])
