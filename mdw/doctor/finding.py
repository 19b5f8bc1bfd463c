"""What one check found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """`do` is the next step where the state is not ok."""

    check: str
    state: State
    says: str
    do: str = ""
