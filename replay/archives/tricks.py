"""Faults of archive files, on request.

Kinds: bad_checksum (the digest in the .CHECKSUM file or header is wrong), no_checksum (there is none), missing (404),
replaced (another newest close price, with a matching digest), mixed_units (the second half in the other time unit),
header (a header row where there should be none), unknown_header, bomb (a member of endless zeros), path (a member
named ../…), two_members, renamed (a member of another name), cut (half the zip), duplicates (some rows
twice), conflicts (some rows twice, with another close), other_period (rows of the day before the period),
ragged (a row that lacks a field), short (the first quarter of the rows only), no_middle (the third quarter is missing),
no_day (the rows of the period's third day are missing), reversed (newest first).
"""

from dataclasses import dataclass, field

KINDS = (
    "bad_checksum", "no_checksum", "missing", "replaced", "mixed_units", "header", "unknown_header", "bomb", "path",
    "two_members", "renamed", "cut", "duplicates", "conflicts", "other_period", "ragged", "short", "no_middle",
    "no_day", "reversed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trick:
    """One trick for every file whose path contains this text."""

    kind: str
    path: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown kind."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown trick {self.kind}: allowed are {', '.join(KINDS)}")


@dataclass(slots=True)
class Tricks:
    """The active tricks."""

    active: tuple[Trick, ...] = field(default=())

    def on(self, path: str) -> frozenset[str]:
        """Kinds that apply to a file."""
        return frozenset(trick.kind for trick in self.active if trick.path in path)
