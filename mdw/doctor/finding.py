"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """`do` is the next step if the state is not ok."""

    check: str
    state: State
    says: str
    do: str = ""
