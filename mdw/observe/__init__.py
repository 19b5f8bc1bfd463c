"""Elementary beside the project: builds that it records, and its report. Everything works without it, too."""

from mdw.observe.packages import WRAPPER, prepare
from mdw.observe.report import recorded_runs, write

__all__ = ["WRAPPER", "prepare", "recorded_runs", "write"]
