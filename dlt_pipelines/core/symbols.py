"""Canonical symbols: BASE/QUOTE, both as venues list them.

Each currency has 1 to 32 letters or digits of any script, such as BTC, W, 1INCH or 币安人生 (Binance lists
币安人生USDT: freqtrade #12876, nautilus_trader #3103), and after its first character also dots, dashes and underscores.
It is upper case (in scripts that have case) and in Unicode normal form NFKC, so that two spellings that look the same
cannot be two instruments.
"""

import unicodedata

_MAX_CHARACTERS = 32
SYMBOL_FORMAT = (
    "a symbol is BASE/QUOTE in capitals, such as BTC/USDT: each part has 1 to 32 letters or digits of any script, "
    "and within it dots, dashes or underscores"
)


def is_symbol(value: str) -> bool:
    """Whether the text is a canonical symbol."""
    parts = value.split("/")
    return (
        len(parts) == 2
        and all(_is_currency(part) for part in parts)
        and value == value.upper() == unicodedata.normalize("NFKC", value)
    )


def _is_currency(part: str) -> bool:
    inner = all(char.isalnum() or char in "._-" or unicodedata.category(char).startswith("M") for char in part)
    return 0 < len(part) <= _MAX_CHARACTERS and part[0].isalnum() and inner
