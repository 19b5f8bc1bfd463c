"""The seven acceptance criteria of the brief, checked against any deployment."""

from mdw.acceptance.criteria import Verdict, run_criteria

__all__ = ["Verdict", "run_criteria"]
