"""Resolves the names that callers use to instruments: matched against those of the snapshot, never guessed."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from alphaforge_data.errors import BadRequest

Market: TypeAlias = Literal["spot", "perp"]
Names: TypeAlias = str | Iterable[str]

_MARKETS = {
    "spot": "spot",
    "perp": "perp",
    "perps": "perp",
    "perpetual": "perp",
    "swap": "perp",
    "linear": "perp",
}


def market(value: str) -> Market:
    """'spot' or 'perp'; 'swap' and 'perpetual' are synonyms of 'perp'. Raises BadRequest."""
    known = _MARKETS.get(value.lower()) if isinstance(value, str) else None
    if known is None:
        raise BadRequest(f"market is {value!r}; allowed: spot, perp.")
    return known  # type: ignore[return-value]


def several(name: str, value: Any) -> list[str]:
    """One name or many as a list without duplicates, in order. Raises BadRequest if it is empty or not text.

    Accepts anything iterable: lists, generators, numpy and Arrow arrays, pandas Series and Index.
    """
    found = [value] if isinstance(value, str) else list(dict.fromkeys(_items(name, value)))
    if not found:
        raise BadRequest(f"{name} is empty; name at least one.")
    return found


def listed(value: Any) -> Any:
    """Iterators as a list; anything else unchanged."""
    return list(value) if isinstance(value, Iterator) else value


def _items(name: str, value: Any) -> Iterable[str]:
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise BadRequest(f"{name} is {value!r}, a {type(value).__name__}; pass text or a list of texts.")
    items = [_scalar(one) for one in value]
    for one in items:
        if not isinstance(one, str):
            raise BadRequest(f"{name} contains {one!r} of type {type(one).__name__}; every entry must be a string.")
    return items


def _scalar(value: Any) -> Any:
    """The Python value of a numpy or Arrow scalar."""
    unpack = getattr(value, "item", None) or getattr(value, "as_py", None)
    return value if isinstance(value, str) or unpack is None else unpack()


def check_arguments(symbol: Names | None, instruments: Names | None, venue: Names | None, market_name: str) -> None:
    """Raise BadRequest for arguments that are invalid for any snapshot."""
    if (symbol is None) == (instruments is None):
        raise BadRequest(
            "Pass either symbol (with venue), such as 'BTC/USDT', or instruments, such as "
            "['binance:spot:BTC/USDT']: exactly one of the two."
        )
    market(market_name)
    if instruments is not None:
        if venue is not None:
            raise BadRequest(
                "venue and instruments: pass either symbol and venue, or instruments, whose ids name both."
            )
        several("instruments", instruments)
        return
    for one in several("symbol", symbol):
        if one.count(":") > 1:
            raise BadRequest(f"symbol is {one!r}; pass an id such as this one as instruments={one!r}, without venue.")
    if venue is None:
        raise BadRequest("venue is None; a symbol needs its venue, or several, such as 'binance', 'okx' or 'bybit'.")
    several("venue", venue)


class Known:
    """Instrument ids (`venue:market:BASE/QUOTE`), such as those of one snapshot, and their accepted spellings."""

    def __init__(self, ids: Iterable[str], where: str):
        """`where`: what has these instruments, as errors name it, such as "snapshot 'demo'"."""
        self.ids = sorted(ids)
        self._where = where
        self._exact = set(self.ids)
        self._spelt: dict[str, list[str]] = {}
        for one in self.ids:
            self._spelt.setdefault(_plain(one), []).append(one)
        self._venues = sorted({one.split(":", 1)[0] for one in self.ids})

    def chosen(
        self, symbol: Names | None, instruments: Names | None, venue: Names | None, market_name: str
    ) -> list[str]:
        """Ids, in the order of the request: of `instruments`, or of every `symbol` at every `venue`.

        Accepts upper and lower case, 'BTCUSDT', 'BTC-USDT' and 'BTC/USDT:USDT'. Raises BadRequest with the nearest ids
        if nothing of that name is among them.
        """
        symbol, instruments, venue = listed(symbol), listed(instruments), listed(venue)
        check_arguments(symbol, instruments, venue, market_name)
        if instruments is not None:
            return list(dict.fromkeys(self._one(name) for name in several("instruments", instruments)))
        place = market(market_name)
        venues = [self.venue(name) for name in several("venue", venue)]
        symbols = several("symbol", symbol)
        return list(dict.fromkeys(self._one(f"{where}:{place}:{name}") for where in venues for name in symbols))

    def venue(self, name: str) -> str:
        """The venue as the ids spell it."""
        found = name.lower() if isinstance(name, str) else name
        if found not in self._venues:
            raise BadRequest(f"venue is {name!r}; {self._where} has: {', '.join(self._venues) or 'none'}.")
        return str(found)

    def of_symbols(self, symbol: Names, among: set[str]) -> list[str]:
        """Ids among these with one of the named symbols, at any venue and market."""
        found: list[str] = []
        markets = {one.split(":", 2)[1] for one in among}
        for name in several("symbol", symbol):
            bare = _without_settle(name, markets)
            wanted = _plain(f"::{bare}")
            matching = [one for one in sorted(among) if _plain(f"::{one.split(':', 2)[2]}") == wanted]
            if bare != name:
                matching = [one for one in matching if one.split(":", 2)[1] == "perp"]
            if not matching:
                symbols = sorted({one.split(":", 2)[2] for one in self.ids})
                near = _nearest(name, symbols)
                raise BadRequest(
                    f"symbol is {name!r}; {self._where} has no such instrument among those requested; "
                    f"similar: {', '.join(near) or 'none'}."
                )
            found += matching
        return found

    def _one(self, name: str) -> str:
        if name in self._exact:
            return name
        parts = name.split(":", 2)
        if len(parts) == 3:
            where, place, symbol = parts
            place = _MARKETS.get(place.lower(), place)
            key = _plain(f"{where}:{place}:{_without_settle(symbol, {place})}")
            found = self._spelt.get(key, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise BadRequest(f"{name!r} may mean {' or '.join(found)}: write the one you mean.")
        near = _nearest(name, self.ids)
        raise BadRequest(
            f"{self._where[:1].upper()}{self._where[1:]} has no instrument {name!r}; similar: "
            f"{', '.join(near) or 'none'}. An id is <venue>:<spot|perp>:<BASE/QUOTE>. Client.series() lists all."
        )


def _without_settle(symbol: str, markets: Collection[str]) -> str:
    """'BTC/USDT' from ccxt's 'BTC/USDT:USDT', which names a perpetual. Raises BadRequest if it cannot be one."""
    bare, colon, settle = symbol.partition(":")
    if not colon:
        return symbol
    if "perp" not in markets:
        raise BadRequest(f"{symbol!r} is a perpetual's name; write {bare!r} for the spot market, or market='perp'.")
    quote = bare.replace("-", "/").partition("/")[2]
    if settle.upper() != quote.upper():
        raise BadRequest(
            f"{symbol!r} settles in {settle}; perpetuals here settle in their quote currency: {bare}:{quote or 'USDT'}."
        )
    return bare


def perpetuals(ids: list[str]) -> list[str]:
    """The ids; raises BadRequest unless all are perpetuals, as nothing else pays funding."""
    for one in ids:
        if one.split(":")[1] != "perp":
            raise BadRequest(f"instrument is {one!r}; funding is paid on perpetuals only: <venue>:perp:<BASE/QUOTE>.")
    return ids


def require_market(ids: list[str], market_name: str) -> None:
    """Raise BadRequest for ids of another market than 'perp', if that was requested; 'spot' is only the default."""
    if market(market_name) == "perp":
        for one in ids:
            if one.split(":")[1] != "perp":
                raise BadRequest(f"market is {market_name!r}, but instruments has {one!r}: leave market out.")


def parts(instrument: str) -> dict[str, str]:
    """The column values that follow from an instrument id."""
    venue, place, symbol = instrument.split(":", 2)
    return {"instrument_id": instrument, "venue": venue, "market": place, "symbol": symbol}


def _nearest(name: str, among: Sequence[str]) -> Sequence[str]:
    """Up to five of the names, the most similar first, whatever their case."""
    spelt = {one.upper(): one for one in among}
    return [spelt[one] for one in difflib.get_close_matches(name.upper(), list(spelt), 5, 0.5)] or among[:5]


def _plain(instrument: str) -> str:
    venue, _, rest = instrument.partition(":")
    place, _, symbol = rest.partition(":")
    return f"{venue}:{place}:{symbol}".upper().replace("/", "").replace("-", "").replace("_", "")
