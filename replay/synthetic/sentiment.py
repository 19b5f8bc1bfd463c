"""The synthetic Fear & Greed index: a slow walk between 5 and 95, one value a day."""

from functools import lru_cache

from replay.clock import parse_instant
from replay.market import Sentiment
from replay.synthetic.listings import DAY_MS, LAST_DAY
from replay.synthetic.paths import approx_normal, draws

_FIRST = parse_instant("2018-02-01T00:00Z") // DAY_MS


def classification(value: int) -> str:
    """alternative.me's classification; the bounds agree with all 2,859 recorded days that have one."""
    for bound, words in ((25, "Extreme Fear"), (46, "Fear"), (54, "Neutral"), (75, "Greed")):
        if value <= bound:
            return words
    return "Extreme Greed"


@lru_cache(maxsize=8)
def days(seed: int) -> list[Sentiment]:
    """All days, ascending."""
    value = 50.0
    found = []
    for day, move in enumerate(approx_normal(draws(seed, "sentiment"), LAST_DAY - _FIRST).tolist(), start=_FIRST):
        value = min(max(value + 0.04 * (50.0 - value) + 5.0 * move, 5.0), 95.0)
        found.append(Sentiment(day * DAY_MS, round(value), classification(round(value))))
    return found
