"""The common prices of all venues: a path in USD for each currency, one point per minute, for any day.

Only additions, multiplications and divisions of uniform random numbers are used, each as a separate numpy operation,
so that a seed gives the same prices on every machine.
"""

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from replay.synthetic.listings import FIRST_DAY, LAST_DAY

Floats = NDArray[np.float64]
MINUTES = 1440

# typical price in USD, standard deviation of a day and of a minute
_CURRENCIES = {
    "BTC": (60_000.0, 0.022, 0.0006),
    "ETH": (2_800.0, 0.028, 0.0008),
    "SOL": (130.0, 0.040, 0.0011),
    "XRP": (0.9, 0.034, 0.0009),
    "BNB": (480.0, 0.026, 0.0007),
}
_PULL = 0.004  # mean reversion to the typical price, per day
_SHARED = 0.6  # weight of the market's common move in a currency's day


def draws(*labels: object) -> np.random.Generator:
    """An independent random stream for these labels."""
    digest = blake2b("|".join(map(str, labels)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def fraction(*labels: object) -> float:
    """One number in [0, 1) for these labels."""
    digest = blake2b("|".join(map(str, labels)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def approx_normal(rng: np.random.Generator, size: int) -> Floats:
    """Approximately normal numbers of mean 0 and standard deviation 1, within 3.5: the sum of four uniforms."""
    u = rng.random((4, size))
    total: Floats = u[0] + u[1] + u[2] + u[3]
    centred: Floats = (total - 2.0) * 3.0**0.5
    return centred


class Paths:
    """USD paths of all currencies for one seed."""

    def __init__(self, seed: int):
        self._seed = seed
        self.minutes = lru_cache(maxsize=256)(self._minutes)
        self._levels = lru_cache(maxsize=None)(self._day_levels)

    def level(self, currency: str, day: int) -> float:
        """The price at 00:00 UTC of a day."""
        return self._levels(currency)[day - FIRST_DAY]

    def _minutes(self, currency: str, day: int) -> Floats:
        """1441 prices: at 00:00 and at the end of each minute of the day; the last is the next day's first."""
        if currency == "USDT":
            return np.ones(MINUTES + 1)
        start, end = self.level(currency, day), self.level(currency, day + 1)
        steps = approx_normal(draws(self._seed, "minutes", currency, day), MINUTES) * _CURRENCIES[currency][2]
        walk = np.cumprod(1.0 + steps)
        tilt = np.arange(1, MINUTES + 1) / MINUTES * (end / (start * float(walk[-1])) - 1.0)
        path = np.empty(MINUTES + 1)
        path[0] = start
        path[1:] = walk * (1.0 + tilt) * start
        path[-1] = end
        return path

    def _day_levels(self, currency: str) -> list[float]:
        default, deviation, _ = _CURRENCIES[currency]
        days = LAST_DAY - FIRST_DAY + 2
        own = approx_normal(draws(self._seed, "days", currency), days)
        shared = approx_normal(draws(self._seed, "days", "all"), days)
        moves = ((own * (1.0 - _SHARED) + shared * _SHARED) * (deviation * 1.3)).tolist()
        level = default
        levels = []
        for move in moves:
            levels.append(level)
            level *= 1.0 + _PULL * (default / level - 1.0) + move
        return levels
