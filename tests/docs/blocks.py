"""The fenced code blocks of README and the documentation, and the markers that keep one from being run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.commands import PAGES
from warehouse.project import PROJECT

RUNNABLE = ("bash", "sql", "python")
_BLOCK = re.compile(
    r"^(?:<!-- not run here: (?P<reason>.+?) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block; `reason` says why it is not run here, None if it is."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks() -> Iterator[Block]:
    """Every block of every page, in order."""
    for page in PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(page, line, found["language"].strip(), found["text"], found["reason"])
