"""The steps of the demo, and the summary at its end."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml
from rich.text import Text

from dlt_pipelines import backfill
from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.universe import load
from mdw.backtest import Parameters, pinned
from mdw.console.landing_view import print_report, progress
from mdw.console.output import err, out, table
from mdw.demo.source import Recorded, Synthetic, Window
from mdw.environment import environment
from mdw.publishing import snapshot_build
from mdw.reports import catalog, data_quality
from warehouse import embedded, snapshots
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.migrate import migrate
from warehouse.project import CODE
from warehouse.settings import OWN_UNIVERSE, Settings

SNAPSHOT = "demo"
# The command as the user would type it: from the checkout's environment, or installed.
_PROGRAM = ".venv/bin/mdw" if (CODE / ".venv" / "bin" / "mdw").exists() else "mdw"


def run_demo(settings: Settings, market: Synthetic | Recorded) -> None:
    """Run every step in the demo's own warehouse; raises OperationFailed if a step fails."""
    started = time.monotonic()
    home = settings.home / "demo" / market.name
    wanted = load(settings.universe)
    windows = market.windows(wanted)
    universe = _own_universe(settings.universe, home, windows)
    out.print(Text(f"Demo on a {_what(market)},", style="bold"), f"warehouse in {home}", soft_wrap=True)
    inner = {"MDW_HOME": str(home), "MDW_NOW": market.now.isoformat(), "MDW_UNIVERSE": str(universe)}
    with market.serve() as origins, environment({**origins, **inner}):
        inside = Settings.load()
        _step("Start ClickHouse and migrate")
        embedded.up(inside)
        migrate(inside)
        _step("Land what is missing")
        print_report(_land(inside, windows))
        _step("Build, audit and publish")
        _publish(inside, _what(market))
        _step("Backtest on the snapshot, twice")
        result = pinned.run_and_repeat(inside, SNAPSHOT, inside.home / "reports" / "backtest", _strategy(windows))
        _step("Write the data catalog and the data quality report")
        reports = {
            "backtest": result.folder,
            "data catalog": catalog.write(inside),
            "data quality": data_quality.write(inside, inside.home / "reports" / "data_quality.html"),
        }
        _summary(inside, home, result, reports, time.monotonic() - started)


def _own_universe(source: Path, home: Path, windows: Sequence[Window]) -> Path:
    """The universe with the demo's own history, so that nothing before it counts as missing.

    Every command in the demo's MDW_HOME uses this file (Settings.universe).
    """
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    starts = [window.start for window in windows if any(series.windowed for series in window.series)]
    # Start at a full hour, where bars of every timeframe begin.
    content["history"] = {"start": datetime.fromtimestamp(-(-min(starts).timestamp() // 3600) * 3600, UTC)}
    path = home / OWN_UNIVERSE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# Made by `mdw demo` from {source.name}.\n{yaml.safe_dump(content, sort_keys=False)}", "utf-8")
    return path


def _land(settings: Settings, windows: Sequence[Window]) -> LandingReport:
    requests, notices, probes = [], list[str](), []
    for window in windows:
        plan = backfill.make_plan(settings, window.spans(), refetch=False, pace=None)
        requests += plan.requests
        notices += plan.notices
        # Pages that planning fetched to find the start of series count as covered, so they must land.
        probes += plan.probes
    plan = Plan(settings, requests, list(dict.fromkeys(notices)), probes=probes)
    with progress(plan, paced=False) as watcher:
        report = backfill.run(plan, watcher, pace=None)
    if not report.complete:
        print_report(report)
        raise OperationFailed("The replay did not serve everything; run the demo again.")
    return report


def _strategy(windows: Sequence[Window]) -> Parameters:
    """Long and short on perpetuals, so that falling markets are traded too; on spot if funding is incomplete."""
    spot = Parameters(lookback_days=3, volatility_days=3, rebalance_days=1)
    perp = replace(spot, market="perp", short=True)
    bars = [_span(windows, "bars", perp.venue, symbol) for symbol in perp.symbols]
    funding = [_span(windows, "funding", perp.venue, symbol) for symbol in perp.symbols]
    complete = all(
        traded and paid and paid[0] <= traded[0] and traded[1] <= paid[1]
        for traded, paid in zip(bars, funding, strict=True)
    )
    return perp if complete else spot


def _span(windows: Sequence[Window], dataset: str, venue: str, symbol: str) -> tuple[datetime, datetime] | None:
    """The first and last time of a perpetual's dataset in the windows; None if it is in none of them."""
    wanted = (dataset, venue, "perp", symbol)
    holding = [w for w in windows if any((s.dataset, s.venue, s.market, s.symbol) == wanted for s in w.series)]
    return (min(w.start for w in holding), max(w.end for w in holding)) if holding else None


def _publish(settings: Settings, note: str) -> None:
    result = snapshot_build.build(settings, SNAPSHOT, note)
    for notice in result.notices:
        out.print(notice, soft_wrap=True)
    if result.failures:
        table(("model or audit", "rows", "message"), result.failures, title="Failed")
        raise OperationFailed(f"The build failed; dbt's log is {settings.home / 'dbt' / 'logs' / 'dbt.log'}.")
    with connect(settings) as client:
        parts = snapshots.datasets(client, snapshots.find(client, SNAPSHOT))
    table(("dataset", "rows", "content hash"), [(p.dataset, p.row_count, p.content_hash) for p in parts])


def _what(market: Synthetic | Recorded) -> str:
    if isinstance(market, Synthetic):
        return f"synthetic market (seed {market.seed}): prices are made up"
    return f"replay of recorded market data ({market.folder.name})"


def _step(title: str) -> None:
    err.print(f"\n[bold cyan]>[/] [bold]{title}[/]", markup=True)


def _summary(settings: Settings, home: Path, result: pinned.Repeated, reports: dict[str, Path], seconds: float) -> None:
    shown = home if len(str(home)) < 60 else Path(os.path.relpath(home))
    lines = [f"Snapshot {SNAPSHOT}: backtest run twice, results {'equal' if result.equal else 'DIFFERENT'}"]
    lines += [
        f"  trades digest {result.first.trades_digest[:16]}…, equity digest {result.first.equity_digest[:16]}…",
        "",
    ]
    lines += [f"{name:>13}: {path}" for name, path in reports.items()]
    lines += ["", "Look around:", f"  export MDW_HOME={shown}"]
    lines += [
        f"  {_PROGRAM} status",
        f"  {_PROGRAM} sql \"select * from marts.v_bars_at(snapshot_id = 'demo') limit 5\"",  # noqa: S608 - shown, not run
        f"  {_PROGRAM} snapshot show demo",
        f"  {_PROGRAM} down        # the server keeps running until then",
    ]
    out.rule(f"Done in {seconds:.0f} s", align="left", style="green")
    out.print("\n".join(lines), soft_wrap=True)
    if not result.equal:
        raise OperationFailed(
            "The second backtest on the same snapshot differs from the first: " + "; ".join(result.differences)
        )
