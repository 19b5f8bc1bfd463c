"""The tests in docs/traps.md exist, every test of the traps is listed there, and every guarantee of the live feed has
one."""

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


def test_every_guarantee_of_the_live_feed_names_its_test():
    page = (PROJECT / "docs" / "realtime_feed_proposal.md").read_text()
    section = page.split("## 4. Guarantees", 1)[1].split("\n## ", 1)[0]
    rows = [row.split("|")[1:-1] for row in section.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 15
    folder = PROJECT / "tests" / "live"
    files = dict(re.findall(r"\*\*([A-Z])\*\*\s+`tests/live/(\w+\.py)`", section))
    for _, guarantee, tests in rows:
        letter, found = "", 0
        for named_letter, name in re.findall(r"\b([A-Z])\b|`(\w+)`", tests):
            letter = named_letter or letter
            if name:
                assert f"def test_{name}" in (folder / files[letter]).read_text(), (name, guarantee)
                found += 1
        assert found, guarantee
