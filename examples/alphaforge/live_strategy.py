"""One strategy on two feeds: a moving-average crossover on live bars, or on a replay of a snapshot, with the same code.

    python live_strategy.py --replay 2025-q1 --speed inf        a pinned snapshot, as fast as it goes
    python live_strategy.py --since 2025-03-04T09:30:00Z        live bars of `mdw live` from then on, until interrupted

Paper trading only: it prints what it would do.
"""

import argparse
import asyncio
import contextlib
import sys
from collections import deque
from dataclasses import dataclass, field

import alphaforge_data
from alphaforge_data.live import Bar, Feed, replay

FAST, SLOW = 5, 20


@dataclass
class Crossover:
    """Holds while the fast mean of closes is above the slow one; decides once per bar, on closed bars only."""

    closes: deque[float] = field(default_factory=lambda: deque(maxlen=SLOW))
    holds: bool = False
    trades: int = 0
    bars: int = 0

    def on_bar(self, bar: Bar) -> str:
        """The action for this bar: buy, sell, or nothing."""
        if bar.revised:
            # The bar was corrected after the decision, which is not reversed.
            return ""
        self.bars += 1
        self.closes.append(bar.close)
        if len(self.closes) < SLOW:
            return ""
        recent = list(self.closes)
        wants = sum(recent[-FAST:]) / FAST > sum(recent) / SLOW
        if wants == self.holds:
            return ""
        self.holds, self.trades = wants, self.trades + 1
        return "buy" if wants else "sell"


async def run(feed: Feed, strategy: Crossover, symbol: str, venue: str, since: str | None, bars: int) -> None:
    """Run the strategy on any feed, until it ends or so many bars were given."""
    async for bar in feed.follow(symbol, "1m", venue=venue, start=since):
        action = strategy.on_bar(bar)
        if action:
            mark = " (provisional)" if bar.is_provisional else ""
            print(f"{bar.close_time:%Y-%m-%d %H:%M} {action} {bar.instrument_id} at {bar.close}{mark}")
        if strategy.bars == bars:
            return


def main() -> int:
    """Parse the command line and follow the feed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replay", metavar="SNAPSHOT_ID", help="a snapshot instead of the live feed")
    parser.add_argument("--speed", type=float, default=float("inf"), help="market seconds per second, for a replay")
    parser.add_argument("--symbol", default="BTC/USDT")
    parser.add_argument("--venue", default="binance")
    parser.add_argument("--since", metavar="TIME", help="the first bar, to warm up on; default: the next, or all")
    parser.add_argument("--bars", type=int, default=0, help="stop after so many; default: never")
    chosen = parser.parse_args()
    strategy = Crossover()
    with alphaforge_data.connect(snapshot_id=chosen.replay) as client:
        feed: Feed = replay(client, chosen.replay, speed=chosen.speed) if chosen.replay else client.live
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(feed, strategy, chosen.symbol, chosen.venue, chosen.since, chosen.bars))
    print(f"{strategy.bars} bars, {strategy.trades} trades")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except alphaforge_data.AlphaforgeDataError as error:
        sys.exit(f"failed: {error}")
