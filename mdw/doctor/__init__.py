"""Checks of everything that a warehouse needs from its machine: one line each, with what to do."""

from mdw.doctor.checks import run_checks
from mdw.doctor.finding import Finding

__all__ = ["Finding", "run_checks"]
