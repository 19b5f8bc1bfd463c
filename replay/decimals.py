"""Exact decimal text."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray


def fixed_text(units: NDArray[np.int64], decimals: int, pad: int = 0) -> list[str]:
    """Text of units / 10**decimals, with `pad` more zeros appended: (1234, 2, 6) is 12.34000000."""
    if not len(units):
        return []
    if decimals == 0:
        template = "%d" + ("." + "0" * pad if pad else "") + " "
        return str(template * len(units) % tuple(units.tolist())).split()
    parts = np.stack(np.divmod(units, 10**decimals), axis=1).ravel().tolist()
    return str(f"%d.%0{decimals}d{'0' * pad} " * len(units) % tuple(parts)).split()


def short_text(units: NDArray[np.int64], decimals: int) -> list[str]:
    """The same without trailing zeros: (1230, 2) is 12.3, (1200, 2) is 12."""
    texts = fixed_text(units, decimals)
    return [t.rstrip("0").rstrip(".") for t in texts] if decimals else texts


def plain(text: str) -> str:
    """The same number without an exponent, all digits kept: 3.9e-05 is 0.000039."""
    return format(Decimal(text), "f") if "e" in text or "E" in text else text
