"""The wheel contains what the commands need: it is built, unpacked, and used from an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from warehouse.project import PROJECT

FOLDERS = ("config", "dbt_project", "elementary", "runbooks")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would install into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    # No build isolation: nothing is downloaded.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(folder), str(PROJECT)], check=True, timeout=300
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def mdw(installed: Path, cwd: Path, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """In an empty folder, with the wheel's code ahead of the checkout's."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "MDW_HOME": str(cwd / "home")}
    command = [sys.executable, "-P", "-m", "mdw", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)


def test_it_holds_every_file_of_the_project_that_commands_read(installed: Path):
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=PROJECT, capture_output=True, text=True, check=True)
    carried = installed / "warehouse" / "project_files"
    assert not [name for name in listed.stdout.splitlines() if not (carried / name).is_file()]


def test_it_finds_its_own_files_and_universe(installed: Path, tmp_path: Path):
    code = (
        "from warehouse.settings import PROJECT, Settings; from mdw.revision import code_revision; "
        "from dlt_pipelines.planning.universe import load; from warehouse.snapshots.layout import DATASETS; "
        "print(PROJECT, len(load(Settings.load().universe).series()) > 0, len(DATASETS), code_revision())"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    project, universe, datasets, revision = ended.stdout.split()
    assert Path(project) == installed / "warehouse" / "project_files", ended.stderr
    assert (universe, int(datasets) >= 4, revision) == ("True", True, "wheel-0.1.0")


def test_commands_that_need_a_checkout_report_it(installed: Path, tmp_path: Path):
    for option in (("--local",), ("--aws", "dev")):
        ended = mdw(installed, tmp_path, "acceptance", *option)
        assert ended.returncode == 2, ended.stderr
        assert "of the repository, which an installed wheel does not include" in " ".join(ended.stderr.split())


@pytest.mark.soak
def test_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path):
    try:
        ended = mdw(installed, tmp_path, "demo", "--days", "10", timeout=1200)
        assert ended.returncode == 0, ended.stderr
        assert "backtest run twice, results equal" in ended.stdout
    finally:
        demo = next((tmp_path / "home" / "demo").glob("*"), None)
        if demo is not None:
            environment = {**os.environ, "PYTHONPATH": str(installed), "MDW_HOME": str(demo)}
            subprocess.run([sys.executable, "-P", "-m", "mdw", "down"], cwd=tmp_path, env=environment, timeout=120)
