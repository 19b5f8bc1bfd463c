"""The whole pipeline on the synthetic market: bars per second of landing and build, peak memory."""

import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.peak import Peak
from dlt_pipelines import backfill
from dlt_pipelines.planning.universe import load
from mdw.demo.source import Synthetic
from mdw.publishing import snapshot_build
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.settings import Settings

DAYS = 30


def main(days: int = DAYS) -> None:
    """Print a table and one line of JSON."""
    market = Synthetic(seed=7, days=days)
    with tempfile.TemporaryDirectory() as folder, market.serve() as origins:
        os.environ.update({**origins, "MDW_HOME": str(Path(folder) / "mdw"), "MDW_NOW": market.now.isoformat()})
        settings = Settings.load()
        pid = embedded.up(settings).pid
        assert pid is not None
        try:
            print(json.dumps(_measure(settings, market, pid)))
        finally:
            embedded.down(settings)


def _measure(settings: Settings, market: Synthetic, pid: int) -> dict[str, float]:
    migrate(settings)
    universe = load(settings.universe)
    start = market.now - timedelta(days=market.days)
    with Peak(pid) as landing_peak:
        plan = backfill.plan(settings, universe, None, start, market.now, pace=None)
        landed = backfill.run(plan, pace=None)
    assert landed.complete, landed.failures
    with Peak(pid) as build_peak:
        began = time.monotonic()
        built = snapshot_build.build(settings, "bench")
        first = time.monotonic() - began
    assert built.published, built.failures
    began = time.monotonic()
    snapshot_build.build(settings, "bench-nothing-new")
    idle = time.monotonic() - began
    with connect(settings) as client:
        bars = int(str(client.command("select count() from marts.v_bars_at(snapshot_id = 'bench')")))
    figures = {
        "bars": bars,
        "pages": landed.pages,
        "landing_seconds": round(landed.seconds, 1),
        "landing_bars_per_second": round(bars / landed.seconds),
        "landing_pages_per_second": round(landed.pages / landed.seconds),
        "build_seconds": round(first, 1),
        "build_seconds_nothing_new": round(idle, 1),
        "build_bars_per_second_beyond_start": round(bars / max(first - idle, 0.1)),
        "landing_peak_mb": round(landing_peak.pipeline / 1e6),
        "build_peak_mb": round(build_peak.pipeline / 1e6),
        "server_peak_mb": round(max(landing_peak.server, build_peak.server) / 1e6),
        "load_average": round(os.getloadavg()[0], 1),
    }
    for name, value in figures.items():
        print(f"{name:>36}  {value:>12,}")
    return figures


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DAYS)
