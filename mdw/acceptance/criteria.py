"""One function per criterion; each checks the deployment and yields its observations."""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError

from mdw import doctor
from mdw.acceptance import schedule
from mdw.acceptance.context import Context
from mdw.acceptance.verdict import Observation, Verdict, met_if, unchecked
from mdw.backtest import pinned
from warehouse.client import connect
from warehouse.errors import BadInput, OperationFailed
from warehouse.project import PROJECT
from warehouse.snapshots.verify import verify

Check = Callable[[Context], Iterator[Observation]]


def run_criteria(context: Context) -> Iterator[Verdict]:
    """Verdicts in order. A check that raises an error makes its criterion not met, with the reason."""
    for number, (criterion, check) in enumerate(CRITERIA, start=1):
        observations: list[Observation] = []
        try:
            for one in check(context):
                # Observations from before a failure count, too.
                observations.append(one)
        except (BadInput, OperationFailed, ClickHouseError) as error:
            observations.append(Observation("not met", str(error)))
        yield Verdict(number, criterion, tuple(observations))


def _services(context: Context) -> Iterator[Observation]:
    findings = list(doctor.run_checks(context.settings))
    failed = [f"{finding.check}: {finding.says} -> {finding.do}" for finding in findings if finding.state == "fail"]
    yield met_if(not failed, "; ".join(failed) or f"{len(findings)} checks of `mdw doctor` without a failure")
    yield _builds(context)
    if context.airflow is not None:
        parts = context.airflow.get("/monitor/health")
        unhealthy = [name for name, part in parts.items() if part and part.get("status") not in ("healthy", None)]
        yield met_if(
            not unhealthy, f"{context.airflow.name}: {'unhealthy ' + ', '.join(unhealthy) if unhealthy else 'healthy'}"
        )
    if context.cloud is None:
        yield unchecked("the AWS environment: run `mdw acceptance --aws NAME` with its credentials")
    else:
        yield from context.cloud.services()
    if context.replayed:
        yield unchecked("the exchanges themselves: they are replayed here")


def _builds(context: Context) -> Observation:
    """Builds of the last day, and how the newest one ended."""
    with connect(context.settings) as client:
        hours = float(str(client.command("select uptime() / 3600")))
        ended = [str(state) for (state,) in client.query(_ENDED_BUILDS).result_rows]
    failed = sum(state != "finished" for state in ended)
    says = f"ClickHouse has been up for {hours:,.1f} h; {failed} of {len(ended)} builds of the last day failed"
    # Older failures do not matter: the newest build shows whether it works now.
    return met_if(not ended or ended[-1] == "finished", f"{says}, the newest {ended[-1]}" if ended else says)


_ENDED_BUILDS = """
select argMax(state, recorded_at) as newest from ops.builds
where recorded_at > now() - interval 1 day
group by version, invocation_id having newest in ('finished', 'failed', 'abandoned') order by version
"""


def _history(context: Context) -> Iterator[Observation]:
    from dlt_pipelines import backfill
    from dlt_pipelines.planning.selection import Selection
    from dlt_pipelines.planning.universe import load

    universe = load(context.settings.universe)
    start, end = universe.history.start, context.last_whole_day
    windowed = Selection(datasets=tuple({one.dataset for one in universe.series() if one.windowed}))
    plan = backfill.plan(context.settings, universe, windowed, start, end)
    says = f"{plan.calls:,} calls are left to make" if plan.calls else "nothing is left to request"
    yield met_if(plan.calls == 0, "; ".join([f"{start:%Y-%m-%d} to {end:%Y-%m-%d}: {says}", *plan.notices]))
    wanted = {
        (f"{one.venue}:{one.market}:{one.symbol}", one.timeframe) for one in universe.series() if one.dataset == "bars"
    }
    with connect(context.settings) as client:
        counts = client.query(_BARS, parameters={"start": start, "end": end}).result_rows
        missing = client.query(_GAPS, parameters={"start": start, "end": end}).result_rows
    gaps = {str(name): int(count) for name, count in missing}
    absent = [" ".join(series) for series in sorted(wanted - {(str(i), str(t)) for i, t, _ in counts})]
    says = f"{sum(count for _, _, count in counts):,} bars of {len(counts)} series published"
    yield met_if(not absent, f"{says}; without a bar: {', '.join(absent)}" if absent else says)
    ours = gaps.pop("not_fetched", 0)
    others = ", ".join(f"{count:,} {name}" for name, count in gaps.items())
    says = f"{ours:,} missing bars were not fetched" + (f"; absent at the venues: {others}" if others else "")
    yield met_if(ours == 0, says)


_BARS = """
select instrument_id, timeframe, count() from marts.v_bars_latest
where open_time >= {start:DateTime64(3, 'UTC')} and open_time < {end:DateTime64(3, 'UTC')}
group by instrument_id, timeframe
"""
# Gaps may reach beyond the agreed history: only the part inside it counts.
_GAPS = """
select class, toUInt64(sum(missing_bars * (
    dateDiff('second', greatest(gap_start, {start:DateTime64(3, 'UTC')}), least(gap_end, {end:DateTime64(3, 'UTC')}))
    / dateDiff('second', gap_start, gap_end)
)))
from marts.v_bar_gaps
where gap_end > {start:DateTime64(3, 'UTC')} and gap_start < {end:DateTime64(3, 'UTC')}
group by class order by class
"""


def _backtest(context: Context) -> Iterator[Observation]:
    with tempfile.TemporaryDirectory() as folder:
        result = pinned.run_once(context.settings, context.snapshot.snapshot_id, Path(folder), context.parameters)
    trades = int(result.metrics["trades"])
    where = context.settings.connection("researcher")
    says = f"{trades} trades on snapshot {context.snapshot.snapshot_id}, read as {where.user} from {where.address}"
    yield met_if(trades > 0, says)
    yield _researcher_reads_views_only(context)


def _researcher_reads_views_only(context: Context) -> Observation:
    if context.settings.one_user:
        return unchecked("what a researcher may read: MDW_CLICKHOUSE_URL is one user for every role")
    with connect(context.settings, "researcher") as client:
        allowed = [
            place for place in ("raw.*", "marts.bars") if int(str(client.command(f"CHECK GRANT SELECT ON {place}")))
        ]
    user = context.settings.connection("researcher").user
    return met_if(not allowed, f"{user} reads {', '.join(allowed) if allowed else 'the published views only'}")


def _reproducibility(context: Context) -> Iterator[Observation]:
    with tempfile.TemporaryDirectory() as folder:
        both = pinned.run_and_repeat(context.settings, context.snapshot.snapshot_id, Path(folder), context.parameters)
    digest = f"two runs equal, trades {both.first.trades_digest[:16]}, equity {both.first.equity_digest[:16]}"
    yield met_if(both.equal, "; ".join(both.differences) or digest)
    with connect(context.settings, "auditor") as client:
        proof = verify(client, context.snapshot)
    says = f"{proof.rows:,} rows in {proof.parts} parts match the manifest of {proof.snapshot_id}"
    yield met_if(proof.holds, says if proof.holds else f"{len(proof.differences)} parts differ: `mdw snapshot verify`")


def _quality(context: Context) -> Iterator[Observation]:
    from mdw.quality import audit_runs
    from mdw.reports import data_quality

    run = audit_runs.run(context.settings)
    found = run.of("error", "warn")
    incomplete = [one.audit for one in found if not (one.runbook and one.rows_sql)]
    counts = ", ".join(f"{count} {severity}" for severity, count in run.counts.items())
    says = f"`mdw audit` ran: {counts}"
    yield met_if(not incomplete, f"{says}; without a runbook or rows: {', '.join(incomplete)}" if incomplete else says)
    with tempfile.TemporaryDirectory() as folder:
        page = data_quality.write(context.settings, Path(folder) / "data_quality.html")
        yield Observation("met", f"`mdw report` wrote {page.stat().st_size / 1e6:.1f} MB")


def _realtime(context: Context) -> Iterator[Observation]:
    page = PROJECT / "docs" / "realtime_feed_proposal.md"
    if not page.exists():
        yield Observation("not met", f"docs/{page.name} does not exist")
        return
    text = page.read_text()
    for topic in ("trade-off", "recommend"):
        yield met_if(bool(re.search(topic, text, re.IGNORECASE)), f"docs/{page.name} covers “{topic}”")


CRITERIA: tuple[tuple[str, Check], ...] = (
    ("Database and ingestion services deployed and running", _services),
    ("The agreed history is loaded", _history),
    ("Incremental updates run on a schedule", schedule.check),
    ("A backtest through the SDK against the database", _backtest),
    ("A pinned re-run is reproducible", _reproducibility),
    ("Data quality checks run, with actionable output", _quality),
    ("The real-time feed proposal is delivered", _realtime),
)
