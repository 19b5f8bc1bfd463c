"""Observations, the verdict on a criterion, and the conclusion of the acceptance as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["met", "not met", "unchecked"]


@dataclass(frozen=True)
class Observation:
    """One observation. `unchecked`: it could not be checked from here, so no claim is made about it."""

    state: State
    says: str


def met_if(condition: bool, says: str) -> Observation:
    """An observation that is met or not met."""
    return Observation("met" if condition else "not met", says)


def unchecked(says: str) -> Observation:
    """An observation that could not be made; `says` names what it would take."""
    return Observation("unchecked", says)


@dataclass(frozen=True)
class Verdict:
    """`number` and `criterion` as in the brief."""

    number: int
    criterion: str
    observations: tuple[Observation, ...]

    def of(self, state: State) -> list[Observation]:
        """Observations in this state."""
        return [one for one in self.observations if one.state == state]

    @property
    def state(self) -> str:
        """`met` only if everything was checked and is fine; `in part` if something could not be checked."""
        if self.of("not met"):
            return "not met"
        if not self.of("met"):
            return "unchecked"
        return "in part" if self.of("unchecked") else "met"

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        observations = [vars(one) for one in self.observations]
        return {"number": self.number, "criterion": self.criterion, "state": self.state, "seen": observations}


def conclusion(verdicts: Sequence[Verdict]) -> str:
    """The sentence under the table."""
    missed = [str(verdict.number) for verdict in verdicts if verdict.state == "not met"]
    if missed:
        return f"NOT signed off: {len(missed)} of {len(verdicts)} criteria are not met ({', '.join(missed)})."
    open_points = [one.says for verdict in verdicts for one in verdict.of("unchecked")]
    if open_points:
        return f"Signed off with reservations: nothing failed, and this was not checked: {'; '.join(open_points)}."
    return f"Signed off: all {len(verdicts)} criteria are met."
