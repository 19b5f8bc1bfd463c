"""Faults of frames: each decision follows from the seed, the topic and the minute."""

from dataclasses import dataclass, field

from replay.synthetic.paths import fraction

PUSHED, NEXT_TRADE, NEVER = "pushed", "next_trade", "never"
# Seconds from the end of a minute to its closed frame, without faults (docs/realtime_feed_proposal.md).
USUAL_LATENESS = {"binance-spot": 0.004, "binance-usdm": 0.2, "okx": 1.0, "bybit": 0.2}


@dataclass(slots=True)
class SocketFaults:
    """Shares of closed frames with a fault, between 0 and 1. The same seed gives the same faults.

    `late`: the frame comes after one of `late_seconds` instead of the venue's usual delay; `drop`: it never comes;
    `duplicate`: twice; `reorder`: after that of the next minute; `differ`: with values other than REST's; `old`: an
    earlier minute's frame again; `two_bars`: together with the next minute's in one message (Bybit). `quiet`: by venue,
    whether a minute without a trade is pushed, pushed with the next trade, or never pushed.
    """

    seed: int = 0
    late: float = 0.0
    late_seconds: tuple[float, ...] = (2.0, 24.0, 30.0)
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    differ: float = 0.0
    old: float = 0.0
    two_bars: float = 0.0
    quiet: dict[str, str] = field(default_factory=dict)
    open_pace_ms: dict[str, int] = field(
        default_factory=lambda: {"binance-spot": 2000, "binance-usdm": 250, "okx": 1000, "bybit": 1000}
    )
    quotes_per_second: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for a share outside 0 to 1 or an unknown rule for quiet minutes."""
        for name in ("late", "drop", "duplicate", "reorder", "differ", "old", "two_bars"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a share is between 0 and 1")
        if unknown := sorted(set(self.quiet.values()) - {PUSHED, NEXT_TRADE, NEVER}):
            raise ValueError(f"quiet names {', '.join(unknown)}: allowed are {PUSHED}, {NEXT_TRADE}, {NEVER}")

    def happens(self, what: str, topic: str, minute: int) -> bool:
        """Whether the fault named `what` hits the closed frame of this topic and minute (ms)."""
        share: float = getattr(self, what)
        return share > 0 and fraction(self.seed, what, topic, minute) < share

    def lateness_ms(self, venue: str, topic: str, minute: int) -> int:
        """Milliseconds from the end of the minute to its closed frame."""
        seconds = USUAL_LATENESS[venue]
        if self.happens("late", topic, minute):
            pick = fraction(self.seed, "how late", topic, minute)
            seconds = self.late_seconds[int(pick * len(self.late_seconds))]
        if self.happens("reorder", topic, minute):
            seconds += 60.5
        return int(seconds * 1000)
