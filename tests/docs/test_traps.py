"""The tests in docs/traps.md exist, and every test of the traps is listed there."""

import re

from warehouse.project import PROJECT

ROWS = [row for row in (PROJECT / "docs" / "traps.md").read_text().splitlines() if row.startswith("| ")]
NAMED = {name for row in ROWS for name in re.findall(r"`(?:test_)?([a-z_]+)(?:…`|`)", row.rsplit("|", 2)[1])}


def written() -> set[str]:
    """Names of tests, of unit tests of dbt, and of audits."""
    sources = {
        r"def test_(\w+)": (PROJECT / "tests").rglob("test_*.py"),
        r"- name: (\w+)": (PROJECT / "dbt_project" / "models").rglob("__unit_tests.yml"),
        r"- audit_passes:\n +name: (\w+)": (PROJECT / "dbt_project" / "models").rglob("*.yml"),
    }
    return {name for form, files in sources.items() for file in files for name in re.findall(form, file.read_text())}


def test_every_test_that_is_named_exists():
    names = written()
    assert len(NAMED) > 40
    assert sorted(name for name in NAMED if not any(one.startswith(name) for one in names)) == []


def test_every_test_of_the_traps_is_named():
    tests = re.findall(r"def test_(\w+)", (PROJECT / "tests" / "end_to_end" / "test_traps.py").read_text())
    assert sorted(test for test in tests if not any(test.startswith(name) for name in NAMED)) == []
