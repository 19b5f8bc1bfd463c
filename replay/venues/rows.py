"""Renders many bars at once as JSON rows of a venue."""

from collections.abc import Callable, Sequence
from typing import Any

from replay.market import Bar, Chunk

COLUMN = {name: index for index, name in enumerate(Bar._fields[1:])}


def render_rows(chunk: Chunk, pieces: Sequence[tuple[str, Sequence[Any] | None]]) -> list[str]:
    """One text per bar: the pieces' templates joined by commas, filled with the pieces' values."""
    if not len(chunk.open_time):
        return []
    row = "[" + ",".join(template for template, _ in pieces) + "]"
    values = [column for _, column in pieces if column is not None]
    return list(map(row.__mod__, zip(*values, strict=True)))


def times(chunk: Chunk, template: str, offset: int = 0) -> tuple[str, Sequence[Any]]:
    """Open times, or times at an offset from them."""
    return template, (chunk.open_time + offset).tolist()


def text(chunk: Chunk, name: str) -> tuple[str, Sequence[Any] | None]:
    """A column of decimal text; null if unknown."""
    return _piece(chunk, name, '"%s"', '"{}"'.format)


def number(chunk: Chunk, name: str) -> tuple[str, Sequence[Any] | None]:
    """A column of JSON numbers; null if unknown."""
    return _piece(chunk, name, "%s", str)


def literal(template: str) -> tuple[str, None]:
    """The same text in every row."""
    return template, None


def _piece(chunk: Chunk, name: str, template: str, show: Callable[[Any], str]) -> tuple[str, Sequence[Any] | None]:
    column = chunk.columns[COLUMN[name]]
    if None not in column:
        return template, column
    if all(value is None for value in column):
        return "null", None
    return "%s", ["null" if value is None else show(value) for value in column]
