"""Lay out rows as text: at full width for a pipe; for a terminal, wrapped without breaking words."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

_GAP = "  "
_INDENT = "    "
# Text in a narrower column than this is harder to read than on its own line.
_READABLE = 28


@dataclass(frozen=True)
class Cell:
    """The text of a value; `right` aligns it, `whole` text is never wrapped (a time, a number)."""

    text: str
    right: bool = False
    whole: bool = False


def lay_out(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: int | None) -> tuple[list[str], list[str]]:
    """Lines of the header and lines of the rows, no wider than `width` where the words allow it.

    None: as wide as the values are, one line per row. For a terminal, the first layout that fits: the plain grid, a
    grid with wrapped text, a grid with the last column on its own lines below each row, or one block of `name: value`
    per row.
    """
    if not columns:
        return [], []
    natural = [
        max(cell_len(name), *(cell_len(row[i].text) for row in rows), 0) if rows else cell_len(name)
        for i, name in enumerate(columns)
    ]
    if width is None or _total(natural) <= width:
        return _grid(columns, rows, natural)
    floors = [_floor(name, [row[i] for row in rows]) for i, name in enumerate(columns)]
    if _total(floors) <= width:
        return _grid(columns, rows, _shrunk(natural, floors, width))
    below = not any(row[-1].whole for row in rows)
    if below and len(columns) > 1 and _total(floors[:-1]) <= width:
        widths = _shrunk(natural[:-1], floors[:-1], width)
        header, _ = _grid(columns[:-1], [row[:-1] for row in rows], widths)
        header.append(_INDENT + columns[-1])
        lines = []
        for row in rows:
            lines += _grid(columns[:-1], [row[:-1]], widths)[1]
            lines += _wrapped(row[-1].text, width, _INDENT)
        return header, lines
    return [], _blocks(columns, rows, width)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split()), default=0)


def _floor(name: str, cells: Sequence[Cell]) -> int:
    """The smallest width of a column that breaks no word."""
    header = _longest_word(name)
    whole = max((cell_len(cell.text) for cell in cells if cell.whole), default=0)
    words = max((_longest_word(cell.text) for cell in cells if not cell.whole), default=0)
    text = max((cell_len(cell.text) for cell in cells if not cell.whole), default=0)
    return max(header, whole, words, min(text, _READABLE))


def _shrunk(natural: Sequence[int], floors: Sequence[int], width: int) -> list[int]:
    """Widths that fit: the widest columns shrink first."""
    widths = list(natural)
    while _total(widths) > width:
        widest = max((i for i in range(len(widths)) if widths[i] > floors[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> tuple[list[str], list[str]]:
    right = [bool(rows) and all(row[i].right for row in rows) for i in range(len(columns))]
    header = _row([Cell(name, right=right[i]) for i, name in enumerate(columns)], widths, right)
    return header, [line for row in rows for line in _row(row, widths, right)]


def _row(cells: Sequence[Cell], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    pieces = [
        [cell.text] if cell.whole or cell_len(cell.text) <= width else _wrapped(cell.text, width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for number in range(max(len(piece) for piece in pieces)):
        words = [piece[number] if number < len(piece) else "" for piece in pieces]
        padded = [
            " " * (width - cell_len(word)) + word if to_right else word + " " * (width - cell_len(word))
            for word, width, to_right in zip(words, widths, right, strict=True)
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> list[str]:
    name_width = max(cell_len(name) for name in columns)
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        for name, cell in zip(columns, row, strict=True):
            if not cell.text:
                continue
            label = " " * (name_width - cell_len(name)) + name + _GAP
            text = [cell.text] if cell.whole else _wrapped(cell.text, max(width - len(label), 20))
            lines += [(label if at == 0 else " " * len(label)) + piece for at, piece in enumerate(text)]
    return lines


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    # A word wider than the terminal stays whole: a broken path or query cannot be copied.
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
