"""### Market data: daily
Once a day: listings, comparison of the venues' archives with REST, a snapshot that is kept, reports, verification of
the snapshot, its Iceberg export, and retention.
"""

from datetime import timedelta

from airflow.sdk import chain

from market_data import release, universe, wiring
from market_data.operator import MdwOperator

# Number of days whose archive files are compared with REST: those that were published last.
ARCHIVE_DAYS = 3
KEEP_DAYS = 14
SNAPSHOT = f"daily-{{{{ {wiring.MOMENT}.strftime('%Y%m%d') }}}}"

_universe = universe.load()


def _days_ago(days: int) -> str:
    return f"{{{{ ({wiring.MOMENT} - macros.timedelta(days={days})).strftime('%Y-%m-%dT00:00:00Z') }}}}"


DAG_ID = "market_data_daily"

with wiring.market_data_dag(DAG_ID, schedule=_universe.daily, late_after=timedelta(hours=4), doc=__doc__):
    landed = [
        wiring.land(f"listings_{venue}", venue, ["update", "--venue", venue, *options])
        for venue in _universe.named("venue")
        if (options := [word for name in _universe.listings(venue) for word in ("--dataset", name)])
    ]
    for venue, delay in release.archive_delays().items():
        if venue in _universe.named("venue"):
            window = [f"--start={_days_ago(delay + ARCHIVE_DAYS)}", f"--end={_days_ago(delay)}"]
            arguments = ["backfill", "--venue", venue, "--dataset", "bars", "--lane", "archive", "--refetch", *window]
            landed.append(wiring.land(f"archive_{venue}", venue, arguments, execution_timeout=timedelta(hours=2)))

    build = wiring.build(SNAPSHOT, "daily", observed=True, trigger_rule="all_done")

    # One task creates and uploads a report: workers do not share a disk.
    upload = ["publish-reports", "--to", wiring.published("reports"), "--json"]
    dq_report = MdwOperator(
        task_id="dq_report",
        role="auditor",
        calls=[["audit", "--report", wiring.in_home("reports", "data_quality.html"), "--json"], upload],
        trigger_rule="all_done",
    )
    catalog = MdwOperator(
        task_id="catalog", role="transform", calls=[["docs", "--json"], upload], trigger_rule="all_done"
    )

    verify = MdwOperator(
        task_id="verify",
        role="auditor",
        runbook="runbooks/bad_data_published.md",
        calls=[["snapshot", "verify", SNAPSHOT, "--json"]],
    )
    export = MdwOperator(
        task_id="export_iceberg",
        role="auditor",
        calls=[["snapshot", "export", SNAPSHOT, "--to", wiring.published("iceberg"), "--json"]],
        execution_timeout=timedelta(hours=3),
    )
    retention = MdwOperator(
        task_id="retention",
        role="transform",
        pool=wiring.WRITER,
        calls=[["snapshot", "prune", "--prefix", "auto-", "--older-than-days", str(KEEP_DAYS), "--yes", "--json"]],
    )
    chain(wiring.migrate(), landed, build, [dq_report, catalog, verify])
    chain(verify, export, retention)
    [*landed, build, dq_report, catalog, retention] >> wiring.all_clear(DAG_ID)
