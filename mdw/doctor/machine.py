"""Checks of the machine: Python, disk, packages."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mdw.doctor.finding import Finding
from warehouse.settings import Settings

_PACKAGES = ("dbt-core", "dbt-clickhouse", "dlt", "ccxt", "clickhouse-connect", "elementary-data")
_DISK_LOW, _DISK_MIN = 10e9, 1e9


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Check the Python version, free disk space for the data, and installed packages."""
    yield _python()
    yield _disk(settings)
    yield _packages()
    if settings.embedded:
        yield _wheel()


def _python() -> Finding:
    have = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return Finding("python", "ok", have)
    return Finding("python", "fail", f"{have}, not 3.11 or 3.12", "run `make setup PYTHON=python3.12`")


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    says = f"{free / 1e9:,.1f} GB free for {settings.home}"
    if free < _DISK_MIN:
        return Finding("disk", "fail", says, "runbooks/disk_full.md")
    return Finding(
        "disk", "ok" if free > _DISK_LOW else "warn", says, "" if free > _DISK_LOW else "runbooks/disk_full.md"
    )


def _packages() -> Finding:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "fail", f"missing: {', '.join(missing)}", "run `make setup`")
    return Finding("packages", "ok", ", ".join(found))


def _wheel() -> Finding:
    if importlib.util.find_spec("chdb"):
        return Finding("embedded ClickHouse", "ok", f"chdb-core {version('chdb-core')}")
    return Finding("embedded ClickHouse", "fail", "no wheel for this platform", "set MDW_CLICKHOUSE_URL")
