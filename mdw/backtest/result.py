"""The result of a run: contains no clock time, path or host, so that two runs can be compared byte by byte."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import pandas as pd

from warehouse.errors import BadInput

# Nine digits hide rounding differences between processors, but no difference that matters.
_DIGITS = "%.9g"
_CIRCUMSTANCES = ("code_revision", "libraries")


@dataclass(frozen=True)
class Result:
    """The result file. `code_revision` and `libraries` record how it was computed; all else is the result itself."""

    snapshot_id: str
    data_version: int
    content: Mapping[str, Any]
    parameters: Mapping[str, Any]
    period: Mapping[str, Any]
    missing_bars: Mapping[str, Any]
    metrics: Mapping[str, Any]
    trades_digest: str
    equity_digest: str
    code_revision: str
    libraries: Mapping[str, str]

    def same_as(self, other: "Result", tolerance: float = 1e-9) -> bool:
        """Whether both runs have the same result; see `differences`."""
        return not self.differences(other, tolerance)

    def differences(self, other: "Result", tolerance: float = 1e-9) -> list[str]:
        """One line for every difference, except in code revision and library versions.

        Numbers are equal within the relative tolerance; digests are over nine significant digits.
        """
        found: list[str] = []
        for field in fields(self):
            if field.name not in _CIRCUMSTANCES:
                _compare(field.name, getattr(self, field.name), getattr(other, field.name), tolerance, found)
        return found

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False) + "\n")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a result file; raises BadInput if it is not one."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise BadInput(f"{path} is not a backtest result ({error}); give the result.json of a run.") from None


def digest(table: pd.DataFrame) -> str:
    """sha256 over the rows as CSV, times in UTC, numbers with nine significant digits."""
    return hashlib.sha256(canonical(table).encode()).hexdigest()


def canonical(table: pd.DataFrame) -> str:
    """The CSV that is digested."""
    return table.to_csv(index=False, float_format=_DIGITS, date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n")


def _compare(name: str, one: object, two: object, tolerance: float, found: list[str]) -> None:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in sorted({*one, *two}):
            _compare(f"{name}.{key}", one.get(key), two.get(key), tolerance, found)
    elif isinstance(one, float) and isinstance(two, float | int):
        if not math.isclose(one, two, rel_tol=tolerance, abs_tol=1e-12):
            found.append(f"{name}: {one!r} and {two!r}")
    elif one != two:
        found.append(f"{name}: {one!r} and {two!r}")
