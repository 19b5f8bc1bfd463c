"""A report of any size without a warehouse: what the page must handle in the worst case."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from mdw.reports.data_quality.data import (
    GAP_CLASSES,
    Audits,
    Coverage,
    Finding,
    Freshness,
    Gap,
    GapTotal,
    PublishedSnapshot,
    Report,
    Revision,
    Spread,
    day_states,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = date(2021, 1, 1)
HOSTILE = "</script><script>console.error('injected')</script>"


def example(series: int, days: int, seed: int = 7) -> Report:
    """`series` x `days` with gaps of every class, revisions, spreads, late series and findings."""
    rng = np.random.default_rng(seed)
    labels = [
        f"{v} spot {c:03d}/USDT {t}" for c in range(series) for v, t in [(("binance", "okx", "bybit")[c % 3], "1m")]
    ]
    bars, lost, totals = _holes(rng, labels, days)
    coverage = Coverage(
        tuple(labels),
        FIRST,
        bars.astype(np.uint16),
        day_states(bars, lost, np.ones(bars.shape, np.bool_)),
    )
    return Report(
        made_at=NOW,
        replayed=False,
        snapshot=PublishedSnapshot("example", 200, NOW, "abc123", HOSTILE, (("bars", int(bars.sum()), "00ff"),)),
        coverage=coverage,
        gaps=tuple(totals),
        revisions=tuple(
            Revision(f"build {n}", NOW - timedelta(days=60 - n), 10_000, int(rng.integers(0, 40))) for n in range(60)
        ),
        revised_series=((labels[0], 12, "build 59"),),
        spreads=tuple(_spreads(rng, min(series, 25), days)),
        spread_bucket="week",
        freshness=tuple(
            Freshness("bars", label, NOW - timedelta(minutes=int(m)), float(m * 60), 2760.0)
            for label, m in zip(labels, rng.integers(1, 90, series), strict=True)
        ),
        audits=Audits(
            tuple(
                Finding(
                    f"audit_{n}",
                    ("error", "warn", "info")[n % 3],
                    labels[n % series],
                    NOW,
                    n,
                    HOSTILE,
                    "select 1 < 2",
                    "build_failed",
                )
                for n in range(40)
            ),
            passed=31,
            origin="an example",
        ),
    )


def _holes(rng: np.random.Generator, labels: list[str], days: int):
    shape = (len(labels), days)
    lost = {kind: np.zeros(shape, np.uint32) for kind in GAP_CLASSES}
    totals = []
    for row, label in enumerate(labels):
        listed = int(rng.integers(0, days // 3)) if row % 4 == 0 else 0
        lost["before_listing"][row, :listed] = 1440
        for kind, count in (("venue_outage", 20), ("not_fetched", 3), ("halted", 1), ("quarantined", 1)):
            found = []
            for day in rng.integers(listed, days, count):
                size = int(rng.integers(1, 1441))
                lost[kind][row, day] = min(1440, lost[kind][row, day] + size)
                start = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=int(day))
                found.append(Gap(label, kind, start, start + timedelta(minutes=size), size))
            totals.append(GapTotal(label, kind, count, sum(gap.missing for gap in found), tuple(found)))
    bars = np.maximum(1440 - sum(value.astype(np.int64) for value in lost.values()), 0).astype(np.uint32)
    return bars, lost, totals


def _spreads(rng: np.random.Generator, symbols: int, days: int):
    weeks = tuple(FIRST + timedelta(days=7 * week) for week in range(max(days // 7, 2)))
    for number in range(symbols):
        for venue in ("binance", "bybit", "okx"):
            median = rng.gamma(2, 0.5, len(weeks)).astype(np.float32)
            yield Spread(f"{number:03d}/USDT", venue, weeks, median, median * 9)
