"""What goes into a release."""

import zipfile
from pathlib import Path

import pytest

from infra.mwaa.deployment import package
from infra.mwaa.deployment.plan import ROOT
from warehouse.errors import BadInput


def names(folder: Path) -> set[str]:
    return set(zipfile.ZipFile(package.build(folder, "3.3.1").project_zip).namelist())


def test_a_release_holds_what_the_tasks_run_and_no_embedded_engine(tmp_path: Path) -> None:
    built = package.build(tmp_path, "3.3.1")
    with zipfile.ZipFile(built.project_zip) as release:
        held = set(release.namelist())
        lock = release.read("requirements/runtime.txt").decode()
    for path in (
        "mdw/cli/entry_point.py",
        "elementary/dbt_project.yml",
        "dbt_project/dbt_project.yml",
        "config/universe.yml",
    ):
        assert path in held
    assert "chdb-core" not in lock
    assert "clickhouse-connect" in lock
    assert {name for name, _ in built.dags} >= {"dags/market_data_update.py", "dags/pools.json", "dags/.airflowignore"}
    # For the operator machine, which runs the acceptance and the example.
    for path in ("infra/mwaa/parameters/dev.json", "infra/operator/install.sh", "docs/realtime_feed_proposal.md"):
        assert path in held
    assert any(name.startswith("examples/alphaforge/") for name in held)
    assert built.project_sha256 == package.build(tmp_path / "again", "3.3.1").project_sha256


def test_elementarys_packages_are_part_of_it_where_the_deployer_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MDW_DBT_PACKAGES", raising=False)
    assert not [name for name in names(tmp_path / "without") if name.startswith("dbt_packages/")]
    for name in package.DBT_PACKAGES:
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "dbt_project.yml").write_text(f"name: {name}\n")
    monkeypatch.setenv("MDW_DBT_PACKAGES", str(tmp_path / "packages"))
    held = names(tmp_path / "with")
    assert {"dbt_packages/elementary/dbt_project.yml", "dbt_packages/dbt_utils/dbt_project.yml"} <= held
    # Where startup.sh looks for them.
    assert '"$MDW_PROJECT/dbt_packages"' in (ROOT / "infra/mwaa/startup.sh").read_text()


def test_a_folder_that_lacks_one_is_refused_before_anything_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDW_DBT_PACKAGES", str(tmp_path))
    with pytest.raises(BadInput, match="has no dbt package 'elementary'"):
        package.build(tmp_path / "out", "3.3.1")
