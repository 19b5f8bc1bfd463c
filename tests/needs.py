"""What some tests need from the machine, and MDW_REQUIRE: what must not be missing.

MDW_REQUIRE=airflow,chromium,elementary,pyright,recordings makes a test fail that would be skipped for want of one of
them.
"""

import os
from typing import NoReturn

import pytest

NEEDS = ("airflow", "chromium", "elementary", "pyright", "recordings")
# Read before the fixtures hide a developer's own variables.
REQUIRED = frozenset(filter(None, os.environ.get("MDW_REQUIRE", "").split(",")))
if unknown := REQUIRED.difference(NEEDS):
    raise pytest.UsageError(f"MDW_REQUIRE names {', '.join(sorted(unknown))}; allowed are {', '.join(NEEDS)}")


def missing(need: str, reason: str) -> NoReturn:
    """Skip the test, or fail it if MDW_REQUIRE names the need."""
    assert need in NEEDS
    if need in REQUIRED:
        pytest.fail(f"MDW_REQUIRE names {need}: {reason}", pytrace=False)
    pytest.skip(reason)
