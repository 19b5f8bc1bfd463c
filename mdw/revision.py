"""Which code is at work."""

import os
import subprocess

from warehouse.settings import PROJECT


def code_revision() -> str:
    """MDW_CODE_REVISION, else git's commit (with `-dirty` where files differ from it), else `unknown`."""
    given = os.environ.get("MDW_CODE_REVISION")
    return given or _git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*") or "unknown"


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
