"""Elementary with the project: it records the build, warns about anomalies, and blocks nothing."""

import base64
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mdw.publishing import elementary_packages, snapshot_build
from mdw.reports import elementary_report
from tests.conftest import Warehouse
from tests.dbt.pages import MINUTE, START, kline, land_klines
from tests.needs import missing
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

# Read before the fixtures hide a developer's own variables.
PACKAGES = os.environ.get("MDW_DBT_PACKAGES", "")


def test_a_folder_without_the_packages_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDW_DBT_PACKAGES", str(tmp_path))
    with pytest.raises(BadInput, match=r"has no dbt package 'elementary'.*packages_from_git"):
        elementary_packages.prepare(Settings(home=tmp_path / "mdw"))


def test_another_version_of_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("elementary", "dbt_utils"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dbt_project.yml").write_text(f"name: {name}\nversion: '0.1.0'\n")
    monkeypatch.setenv("MDW_DBT_PACKAGES", str(tmp_path))
    with pytest.raises(BadInput, match=r"elementary 0\.1\.0, but 0\.25\.1 is needed"):
        elementary_packages.prepare(Settings(home=tmp_path / "mdw"))


def test_without_the_hub_one_line_says_what_to_do(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    # A hub that refuses every connection, without waiting.
    monkeypatch.setenv("DBT_PACKAGE_HUB_URL", "http://127.0.0.1:9/")
    monkeypatch.setattr("mdw.publishing.elementary_packages.HUB_TIMEOUT", 20)
    with pytest.raises(OperationFailed, match=r"dbt hub.*Build without Elementary.*MDW_DBT_PACKAGES"):
        snapshot_build.build(warehouse.settings, "x", observed=True)
    # Nothing was started.
    assert warehouse.rows("select count() from ops.builds") == [(0,)]


def test_the_cli_and_the_package_have_one_version() -> None:
    from importlib.metadata import version

    from mdw.publishing.elementary_packages import wanted_version

    assert version("elementary-data") == wanted_version()


def test_a_day_with_unusual_volume_warns_and_the_build_is_published(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not PACKAGES:
        missing("elementary", "MDW_DBT_PACKAGES names no folder (docs/data_quality_report.md)")
    monkeypatch.setenv("MDW_DBT_PACKAGES", PACKAGES)
    days = 20
    now = datetime.combine((START + timedelta(days=days)).date(), datetime.min.time(), UTC) + timedelta(hours=1)
    with warehouse.client("ingest") as client:
        for day in range(days):
            # About ten bars a day, then a hundred times as many on the last day but one.
            count = 1000 if day == days - 1 else 9 + day % 3
            land_klines(client, [kline(day * 1440 + minute) for minute in range(count)], now - MINUTE)
    settings = warehouse.settings.model_copy(update={"now": now})

    result = snapshot_build.build(settings, "spike", observed=True)

    assert result.published, result.failures
    assert "bars_volume_anomalies" in {name for name, _, _ in result.warnings}
    assert elementary_report.recorded_runs(settings) == 1
    recorded = (
        "select status, count() from elementary.elementary_test_results where test_name = 'bars_volume_anomalies'"
    )
    assert warehouse.rows(f"{recorded} group by status") == [("warn", 1)]
    assert warehouse.rows("select count() > 0 from elementary.dbt_models where name = 'v_bars'") == [(1,)]
    page = elementary_report.write(settings, settings.home / "reports" / "elementary.html")
    data = re.search(r"atob\('([^']+)'", page.read_text())
    assert data is not None
    assert "bars_volume_anomalies" in base64.b64decode(data[1]).decode()
