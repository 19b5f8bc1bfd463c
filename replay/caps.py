"""Responses with fewer records than requested, on demand: capped pages, paged or truncated listings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `rows` records in every response whose path contains `path`.

    The records that the venue lists first are kept; with `far_end`, the last ones. `cursor`: the response has a
    `nextPageCursor` for the next page, like Bybit's lists.
    """

    path: str
    rows: int
    far_end: bool = False
    cursor: bool = False


def capped(body: bytes, cap: Cap, query: Mapping[str, str]) -> bytes:
    """The response with fewer records; a response without a list of records is unchanged."""
    answer = json.loads(body)
    holder, key = _place(answer)
    if key is None:
        return json.dumps(_kept(answer, cap), separators=(",", ":")).encode() if isinstance(answer, list) else body
    records = holder[key]
    if cap.cursor:
        first = int(query.get("cursor", "0"))
        holder[key] = records[first : first + cap.rows]
        holder["nextPageCursor"] = str(first + cap.rows) if first + cap.rows < len(records) else ""
    else:
        holder[key] = _kept(records, cap)
    return json.dumps(answer, separators=(",", ":")).encode()


def _kept(records: list[Any], cap: Cap) -> list[Any]:
    return records[-cap.rows :] if cap.far_end else records[: cap.rows]


def _place(answer: Any) -> tuple[Any, str | None]:
    """Where an object has its records."""
    if isinstance(answer, dict):
        for holder, key in ((answer, "data"), (answer, "symbols"), (answer.get("result"), "list")):
            if isinstance(holder, dict) and isinstance(holder.get(key), list):
                return holder, key
    return answer, None
