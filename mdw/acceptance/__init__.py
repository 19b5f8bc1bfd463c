"""The seven acceptance criteria of the brief, checked against any deployment."""

from mdw.acceptance.context import Context
from mdw.acceptance.criteria import run_criteria
from mdw.acceptance.verdict import Verdict, conclusion

__all__ = ["Context", "Verdict", "conclusion", "run_criteria"]
