"""Audits from the command line: run them, show what they found, repair or withhold what is bad."""

from mdw.quality.audit_runs import run
from mdw.quality.findings import AuditRun, Finding, newest_run

__all__ = ["AuditRun", "Finding", "newest_run", "run"]
