"""The `mdw …` commands that the documentation shows: in code blocks, and between backticks."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.project import PROJECT

_PATTERNS = ("README.md", "docs/*.md", "runbooks/*.md", "*/README.md", "infra/*/README.md", "examples/*/README.md")
PAGES = sorted(path for pattern in _PATTERNS for path in PROJECT.glob(pattern))
_CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_ROLES = "admin|ingest|transform|auditor|researcher"
_START = re.compile(rf"(?:^|&&|\|\||;|\|)\s*(?:\S*/)?mdw(?:-as\s+(?:{_ROLES}))?\s+(?=[a-z-])")


@dataclass(frozen=True)
class Shown:
    """One command as a page shows it; `words` follow `mdw`."""

    page: Path
    text: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}: {self.text}"


def shown() -> Iterator[Shown]:
    """Every command of every page."""
    for page in PAGES:
        for match in _CODE.finditer(page.read_text()):
            for line in (match[1] or match[2]).splitlines():
                yield from _of_line(page, line.strip())


def _of_line(page: Path, line: str) -> Iterator[Shown]:
    starts = list(_START.finditer(line))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(line)
        # What follows belongs to dbt.
        text = re.sub(r"^dbt -- .*", "dbt", line[start.end() : end])
        # A diagram may say what the command is for: `mdw docs: the catalog`.
        text = text.partition(": ")[0]
        words = shlex.split(text, comments=True)
        yield Shown(page, f"mdw {' '.join(words)}", tuple(words))


def queries() -> list[Shown]:
    """Those with SQL, which is the last word."""
    return [one for one in shown() if one.words[0] == "sql" and len(one.words) > 1 and "…" not in one.text]
