"""Builds what is uploaded to S3: the release, requirements.txt, startup.sh and the ClickHouse bundle. The same source
gives the same bytes."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.mwaa.deployment.plan import ROOT
from warehouse.errors import BadInput, OperationFailed

# `infra` and `examples` are for the operator machine, which runs `mdw acceptance --aws` and the example backtests.
PROJECT_FOLDERS = (
    "alphaforge_data",
    "config",
    "dbt_project",
    "dlt_pipelines",
    "elementary",
    "examples",
    "infra",
    "mdw",
    "warehouse",
)
PROJECT_FILES = ("docs/realtime_feed_proposal.md", "requirements/main.txt")
# The embedded server: 130 MB that a deployment with a real server never loads.
NOT_IN_AWS = ("chdb-core",)
# From the folder MDW_DBT_PACKAGES: with them in the release, Elementary records the daily build.
DBT_PACKAGES = ("elementary", "dbt_utils")
_SKIP = {"__pycache__", "target", "logs", "dbt_packages", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """Files ready for upload. `release_id` names the release: the first 16 characters of its content's sha256."""

    release_id: str
    project_zip: Path
    project_sha256: str
    bundle_zip: Path
    bundle_sha256: str
    requirements: Path
    startup: Path
    dags: tuple[tuple[str, Path], ...]


def build(folder: Path, airflow_version: str) -> Package:
    """Write the package into an empty folder. Raises OperationFailed if a part of the project is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    dags = tuple(_files("dags"))
    project = {name: path.read_bytes() for part in PROJECT_FOLDERS for name, path in _files(part)}
    # A change of documentation alone does not make a new release.
    project = {name: data for name, data in project.items() if not (name.startswith("infra/") and name.endswith(".md"))}
    project |= _dbt_packages()
    for name in PROJECT_FILES:
        project[name] = _read(ROOT / name)
    project["requirements/runtime.txt"] = runtime_lock(project["requirements/main.txt"].decode()).encode()
    # The hash covers DAGs and code, so that a release id is unambiguous.
    content = {**project, **{f"dags/{name.removeprefix('dags/')}": path.read_bytes() for name, path in dags}}
    project_zip = _zip(folder / "project.zip", content)
    bundle = {name.removeprefix("infra/"): path.read_bytes() for name, path in _files("infra/clickhouse")}
    bundle = {name: data for name, data in bundle.items() if not name.endswith((".md", ".yaml"))}
    requirements = folder / "requirements.txt"
    requirements.write_bytes(
        _read(ROOT / "infra/mwaa/requirements.txt").replace(b"${AIRFLOW_VERSION}", airflow_version.encode())
    )
    startup = folder / "startup.sh"
    startup.write_bytes(_read(ROOT / "infra/mwaa/startup.sh"))
    sha = _sha256(project_zip)
    bundle_zip = _zip(folder / "clickhouse.zip", bundle)
    return Package(sha[:16], project_zip, sha, bundle_zip, _sha256(bundle_zip), requirements, startup, dags)


def runtime_lock(lock: str) -> str:
    """The lock without what only the embedded server needs. A requirement is one line and its indented hash lines."""
    kept: list[str] = []
    skipping = False
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            skipping = line.split("==")[0].strip() in NOT_IN_AWS
        if not skipping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _files(part: str) -> Iterator[tuple[str, Path]]:
    """Name in the package and path of every file under a folder, sorted by name."""
    for path in sorted((ROOT / part).rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(piece in _SKIP or (piece.startswith(".") and piece != ".airflowignore") for piece in parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield "/".join(parts), path


def _dbt_packages() -> dict[str, bytes]:
    """The dbt packages of elementary/, so that no worker uses the dbt hub; empty if MDW_DBT_PACKAGES is unset."""
    folder = os.environ.get("MDW_DBT_PACKAGES")
    if not folder:
        return {}
    found: dict[str, bytes] = {}
    for name in DBT_PACKAGES:
        if not (Path(folder) / name / "dbt_project.yml").exists():
            raise BadInput(
                f"MDW_DBT_PACKAGES is {folder}, which has no dbt package {name!r}. Create them with "
                "elementary/packages_from_git.sh, or unset it to deploy without Elementary."
            )
        for path in sorted((Path(folder) / name).rglob("*")):
            if path.is_file():
                found[f"dbt_packages/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperationFailed(f"{path} cannot be read ({error.strerror}): deploy from a complete checkout.") from None


def _zip(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name], compresslevel=9)
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
