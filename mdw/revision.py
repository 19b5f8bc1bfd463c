"""The revision of the running code."""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version

from warehouse.project import CODE


def code_revision() -> str:
    """MDW_CODE_REVISION, else git's commit (`-dirty` if files differ from it), else the version of the wheel."""
    given = os.environ.get("MDW_CODE_REVISION")
    if not given and not (CODE / "pyproject.toml").exists():
        # Installed as a wheel: a repository around site-packages belongs to another project.
        return _wheel() or "unknown"
    return given or _git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*") or "unknown"


def _wheel() -> str:
    try:
        return f"wheel-{version('market-data-warehouse')}"
    except PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], cwd=CODE, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
