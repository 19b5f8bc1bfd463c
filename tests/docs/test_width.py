"""Prose of the documentation wraps at 120 columns; tables, headings, code and code spans may be longer."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.test_references import NAMES
from warehouse.project import PROJECT

COLUMNS = 120
SPAN = re.compile(r"(`+)(.+?)\1")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Lines outside of fenced blocks, comments, tables and headings."""
    fenced = commented = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif line.startswith("<!--") or commented:
            commented = "-->" not in line
        elif not fenced and not line.lstrip().startswith(("|", "#", ">")):
            yield number, line


def could_be_shorter(line: str) -> bool:
    """Whether a line is too long and has a space to break it at."""
    whole = SPAN.sub(lambda match: match[0].replace(" ", "_"), line)
    marker = re.match(r"\s*(?:[-*]\s+|\d+\.\s+)?", whole)
    assert marker is not None
    return len(line) > COLUMNS and " " in whole[marker.end() : COLUMNS]


def test_docs_wrap_at_120_columns():
    # In columns.md a line is the comment of a column in ClickHouse.
    pages = [Path(name) for name in NAMES if name.endswith(".md") and not name.endswith("models/columns.md")]
    found = [
        f"{page}:{number}: {len(line)} columns"
        for page in pages
        for number, line in prose((PROJECT / page).read_text(encoding="utf-8"))
        if could_be_shorter(line)
    ]
    assert len(pages) > 50
    assert not found, "\n".join(found)


def test_a_line_that_is_too_long_is_found():
    assert could_be_shorter("word " * 30)
    assert not could_be_shorter("`" + "mdw build " * 20 + "`")
