"""The libraries that a result depends on."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

_LIBRARIES = ("bt", "ffn", "numpy", "pandas", "pyarrow", "clickhouse-connect")


def libraries() -> dict[str, str]:
    """Versions of the libraries that compute the result."""
    found = {"python": python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
