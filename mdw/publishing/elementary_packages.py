"""Installs the dbt packages of elementary/: from the folder MDW_DBT_PACKAGES if set, else from the dbt hub."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from mdw.publishing import dbt
from warehouse.errors import BadInput, OperationFailed
from warehouse.project import PROJECT
from warehouse.settings import Settings

WRAPPER = PROJECT / "elementary"
HUB_TIMEOUT = 300
_PACKAGES = ("elementary", "dbt_utils")
_ADVICE = (
    "Build without Elementary (`mdw build`), or provide its packages in a folder and set MDW_DBT_PACKAGES to it "
    "(docs/data_quality_report.md)."
)


def prepare(settings: Settings) -> Path:
    """Install the packages under MDW_HOME, unless they are installed already, and return the folder.

    Raises BadInput if MDW_DBT_PACKAGES is not such a folder, OperationFailed if the hub cannot be reached.
    """
    folder = dbt.packages(settings)
    source = os.environ.get("MDW_DBT_PACKAGES", "")
    if source:
        _link(Path(source), folder)
    elif not _complete(folder):
        _download(settings, folder)
    return folder


def _complete(folder: Path) -> bool:
    return (folder / "market_data").exists() and _version(folder / "elementary") == wanted_version()


def wanted_version() -> str:
    """The version of Elementary's package in elementary/packages.yml."""
    packages = yaml.safe_load((WRAPPER / "packages.yml").read_text())["packages"]
    return str(next(entry["version"] for entry in packages if str(entry.get("package", "")).endswith("/elementary")))


def _version(package: Path) -> str:
    project = package / "dbt_project.yml"
    return str(yaml.safe_load(project.read_text())["version"]) if project.exists() else ""


def _link(source: Path, folder: Path) -> None:
    for name in _PACKAGES:
        if not (source / name / "dbt_project.yml").exists():
            raise BadInput(
                f"MDW_DBT_PACKAGES is {source}, which has no dbt package {name!r}. It must contain the folders "
                "elementary and dbt_utils: elementary/packages_from_git.sh creates them."
            )
    found = _version(source / "elementary")
    if found != wanted_version():
        raise BadInput(
            f"MDW_DBT_PACKAGES is {source}, which has elementary {found}, but {wanted_version()} is needed "
            "(elementary/packages.yml). Provide that version."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _PACKAGES:
        (folder / name).symlink_to((source / name).resolve())
    (folder / "market_data").symlink_to(dbt.DBT_PROJECT)


def _download(settings: Settings, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["--log-path", str(settings.home / "dbt" / "logs"), "deps"]
    arguments += ["--project-dir", str(WRAPPER), "--profiles-dir", str(dbt.DBT_PROJECT)]
    try:
        subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", *arguments],
            env=dbt.environment(settings),
            cwd=WRAPPER,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            # dbt keeps retrying an unreachable hub.
            timeout=HUB_TIMEOUT,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        shutil.rmtree(folder, ignore_errors=True)
        hub = os.environ.get("DBT_PACKAGE_HUB_URL", "hub.getdbt.com")
        raise OperationFailed(
            f"Elementary's dbt packages cannot be downloaded from the dbt hub ({hub}). {_ADVICE}"
        ) from None
