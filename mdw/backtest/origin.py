"""Which code made a result."""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

_LIBRARIES = ("bt", "ffn", "numpy", "pandas", "pyarrow", "clickhouse-connect")


def code_revision() -> str:
    """MDW_CODE_REVISION, else git's commit (with `-dirty` where files differ from it), else 'unknown'."""
    given = os.environ.get("MDW_CODE_REVISION")
    return given or _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or "unknown"


def libraries() -> dict[str, str]:
    """Versions of what computes the result."""
    found = {"python": python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
