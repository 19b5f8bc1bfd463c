"""One function a criterion; each looks at the deployment and says what it saw."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mdw import backtesting, doctor
from mdw.backtest import Parameters
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import BadInput, WorldError
from warehouse.settings import PROJECT, Settings


@dataclass(frozen=True)
class Verdict:
    """`number` and `criterion` as in the brief; `evidence` is what was seen."""

    number: int
    criterion: str
    passed: bool
    evidence: str


@dataclass(frozen=True)
class Context:
    """What the criteria share: the pin they look at, and how old the newest publication may be."""

    settings: Settings
    snapshot: snapshots.Snapshot
    newest: snapshots.Snapshot
    max_age: timedelta
    parameters: Parameters


Check = Callable[[Context], tuple[bool, str]]


def run_criteria(
    settings: Settings, snapshot_id: str | None, max_age: timedelta, parameters: Parameters
) -> Iterator[Verdict]:
    """Verdicts in order; raises BadInput where nothing is published, WorldError where ClickHouse is away."""
    with connect(settings) as client:
        known = snapshots.published(client)
        if not known:
            raise BadInput("Nothing is published yet, so nothing can be accepted: `mdw backfill`, then `mdw build`.")
        chosen = snapshots.find(client, snapshot_id) if snapshot_id else known[0]
    context = Context(settings, chosen, known[0], max_age, parameters)
    for number, (criterion, check) in enumerate(CRITERIA, start=1):
        try:
            passed, evidence = check(context)
        except (BadInput, WorldError) as error:
            passed, evidence = False, str(error)
        yield Verdict(number, criterion, passed, evidence)


def _services(context: Context) -> tuple[bool, str]:
    findings = list(doctor.run_checks(context.settings))
    failed = [f"{finding.check}: {finding.says}" for finding in findings if finding.state == "fail"]
    return not failed, "; ".join(failed) or f"{len(findings)} checks of `mdw doctor` without a failure"


def _history(context: Context) -> tuple[bool, str]:
    with connect(context.settings) as client:
        query = "select class, toUInt64(sum(missing_bars)) from marts.v_bar_gaps group by class"
        rows = {str(name): int(count) for name, count in client.query(query).result_rows}
        bars = int(str(client.command("select count() from marts.v_bars_latest")))
    ours = rows.get("not_fetched", 0)
    others = ", ".join(f"{count:,} {name}" for name, count in sorted(rows.items()) if name != "not_fetched")
    return (
        bars > 0 and ours == 0,
        f"{bars:,} bars, {ours:,} not fetched{'; absent at the venues: ' + others if others else ''}",
    )


def _schedule(context: Context) -> tuple[bool, str]:
    age = datetime.now(UTC) - context.newest.published_at.replace(tzinfo=UTC)
    with connect(context.settings) as client:
        since = int(
            str(client.command("select count() from marts.snapshots where published_at > now() - interval 1 day"))
        )
    hours = age.total_seconds() / 3600
    says = f"newest publication {hours:.1f} h ago, {since} in the last day"
    return age <= context.max_age, f"{says}; allowed are {context.max_age.total_seconds() / 3600:.0f} h"


def _backtest(context: Context) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        result = backtesting.run_once(context.settings, context.snapshot.snapshot_id, Path(folder), context.parameters)
    return (
        True,
        f"{result.metrics['trades']} trades on {context.snapshot.snapshot_id}, digest {result.trades_digest[:16]}",
    )


def _repeat(context: Context) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        both = backtesting.run_and_repeat(
            context.settings, context.snapshot.snapshot_id, Path(folder), context.parameters
        )
    return both.equal, "; ".join(both.differences) or f"two runs equal, equity digest {both.first.equity_digest[:16]}"


def _quality(context: Context) -> tuple[bool, str]:
    from mdw.audit import running

    run = running.run(context.settings)
    return (
        True,
        f"{len(run.findings)} findings: {len(run.of('error'))} errors, {len(run.of('warn'))} warnings (`mdw audit`)",
    )


def _realtime(context: Context) -> tuple[bool, str]:
    page = PROJECT / "docs" / "realtime_feed_proposal.md"
    return page.exists(), f"docs/{page.name} {'is there' if page.exists() else 'is not there'}"


CRITERIA: tuple[tuple[str, Check], ...] = (
    ("Database and ingestion services deployed and running", _services),
    ("The agreed history is loaded", _history),
    ("Incremental updates run on a schedule", _schedule),
    ("A backtest through the SDK against the database", _backtest),
    ("A pinned re-run is reproducible", _repeat),
    ("Data quality checks run, with actionable output", _quality),
    ("The real-time feed proposal is delivered", _realtime),
)
