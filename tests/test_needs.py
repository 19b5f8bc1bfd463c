"""A required test fails instead of being skipped, and a failing fixture leaves no server behind."""

from pathlib import Path

import psutil
import pytest

from tests import conftest, needs
from warehouse.embedded.state import read_state


def test_what_is_required_fails_and_what_is_not_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "REQUIRED", frozenset({"chromium"}))
    with pytest.raises(pytest.fail.Exception, match="MDW_REQUIRE names chromium: no browser"):
        needs.missing("chromium", "no browser")
    with pytest.raises(pytest.skip.Exception, match="no recordings"):
        needs.missing("recordings", "no recordings")


def test_a_warehouse_that_cannot_be_migrated_leaves_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "mdw"
    pids = []

    def broken(settings: object) -> None:
        pids.append(read_state(home).pid)
        raise RuntimeError("a migration that fails")

    monkeypatch.setattr(conftest, "migrate", broken)
    with pytest.raises(RuntimeError, match="a migration that fails"):
        conftest.start_warehouse(home)
    assert not psutil.pid_exists(pids[0])
