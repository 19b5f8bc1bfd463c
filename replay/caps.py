"""Answers that hold fewer records than they could, on request: capped pages, listings in pages or cut short."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `rows` records in every answer whose path holds `path`.

    The venue keeps the records that it lists first; `far_end`: those that it lists last. `cursor`: the answer leads to
    the next page by a `nextPageCursor`, as Bybit's lists do.
    """

    path: str
    rows: int
    far_end: bool = False
    cursor: bool = False


def capped(body: bytes, cap: Cap, query: Mapping[str, str]) -> bytes:
    """The answer with fewer records; what is no list of records stays as it is."""
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
    """Where an object holds its records."""
    if isinstance(answer, dict):
        for holder, key in ((answer, "data"), (answer, "symbols"), (answer.get("result"), "list")):
            if isinstance(holder, dict) and isinstance(holder.get(key), list):
                return holder, key
    return answer, None
