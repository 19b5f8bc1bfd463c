"""What a check saw, what that means for its criterion, and for the acceptance as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["met", "not met", "unchecked"]


@dataclass(frozen=True)
class Seen:
    """One thing that was looked at. `unchecked`: it could not be looked at from here, so nothing is claimed of it."""

    state: State
    says: str


def met_if(condition: bool, says: str) -> Seen:
    """Met or not met."""
    return Seen("met" if condition else "not met", says)


def unchecked(says: str) -> Seen:
    """Not looked at; `says` names what it would take."""
    return Seen("unchecked", says)


@dataclass(frozen=True)
class Verdict:
    """`number` and `criterion` as in the brief."""

    number: int
    criterion: str
    seen: tuple[Seen, ...]

    def of(self, state: State) -> list[Seen]:
        """What was seen in this state."""
        return [one for one in self.seen if one.state == state]

    @property
    def state(self) -> str:
        """`met` only where everything was looked at and is well; `in part` where something could not be looked at."""
        if self.of("not met"):
            return "not met"
        if not self.of("met"):
            return "unchecked"
        return "in part" if self.of("unchecked") else "met"

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        seen = [vars(one) for one in self.seen]
        return {"number": self.number, "criterion": self.criterion, "state": self.state, "seen": seen}


def conclusion(verdicts: Sequence[Verdict]) -> str:
    """The sentence under the table."""
    missed = [str(verdict.number) for verdict in verdicts if verdict.state == "not met"]
    if missed:
        return f"NOT signed off: {len(missed)} of {len(verdicts)} criteria are not met ({', '.join(missed)})."
    open_points = [one.says for verdict in verdicts for one in verdict.of("unchecked")]
    if open_points:
        return f"Signed off with reservations: nothing failed, and this was not checked: {'; '.join(open_points)}."
    return f"Signed off: all {len(verdicts)} criteria are met."
