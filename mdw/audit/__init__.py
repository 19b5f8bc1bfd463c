"""Audits from the command line: run them, show what they found, repair or withhold what is bad."""

from mdw.audit.findings import AuditRun, Finding, newest_run
from mdw.audit.running import run

__all__ = ["AuditRun", "Finding", "newest_run", "run"]
