"""startup.sh in a clean home with its own Python 3.12, sourced as by MWAA, with a local S3."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.mwaa.deployment import package
from tests.conftest import Warehouse
from tests.infra.conftest import Account
from warehouse.project import PROJECT
from warehouse.settings import Role

# MWAA replaces the word exit with one that saves the environment, sources the script, and saves it at the end.
_MWAA = """
saved() { env -0 >"$SAVED_ENVIRONMENT"; unalias exit; exit; }
shopt -s expand_aliases
alias exit=saved
source "$STARTUP"
saved
"""
# How this machine reaches its package index.
_NETWORK = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTP", "http", "NO_PROXY", "no_proxy")


@dataclass
class Container:
    """One MWAA container: a home, a Python, and the environment's options."""

    folder: Path
    python: Path
    account: Account
    bucket: str = "code"

    def release(self, lock: str, **files: str) -> str:
        """Put a release with this lock into the bucket; returns its sha256."""
        path = self.folder / "project.zip"
        content = {
            "requirements/runtime.txt": lock,
            "infra/mwaa/bootstrap.txt": (PROJECT / "infra/mwaa/bootstrap.txt").read_text(),
            "mdw/__init__.py": "",
            "mdw/__main__.py": "import six, sys\nprint('mdw', sys.argv[1:])\n",
            **files,
        }
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
        self.account.client("s3").upload_file(str(path), self.bucket, "project.zip")
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def start(self, sha256: str, **more: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str] | None]:
        """Run the script; the second value is the environment that Airflow would get, None if it would not start."""
        saved = self.folder / "environment"
        saved.unlink(missing_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith(_NETWORK)},
            **{name: value for name, value in self.account.environment.items() if name.startswith("AWS_")},
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "MDW_BASE": str(self.folder / "mdw"),
            "MWAA_AIRFLOW_COMPONENT": "worker",
            "AIRFLOW__MDW__ENVIRONMENT": "dev",
            "AIRFLOW__MDW__RELEASE_URI": f"s3://{self.bucket}/project.zip",
            "AIRFLOW__MDW__RELEASE_SHA256": sha256,
            "STARTUP": str(PROJECT / "infra/mwaa/startup.sh"),
            "SAVED_ENVIRONMENT": str(saved),
            **more,
        }
        done = subprocess.run(
            ["bash", "-c", _MWAA], capture_output=True, text=True, env=environment, cwd=self.folder, timeout=500
        )
        if not saved.exists():
            return done, None
        return done, dict(entry.split("=", 1) for entry in saved.read_text().split("\0") if "=" in entry)


def python312() -> Path | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in (shutil.which("python3.12"), *map(str, pyenv.glob("versions/3.12*/bin/python3.12"))):
        if candidate and subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return Path(candidate)
    return Path(sys.executable) if sys.version_info[:2] == (3, 12) else None


@pytest.fixture(scope="module")
def image_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image contains: Python 3.12 with boto3, nothing of this project."""
    found = python312()
    if found is None:
        pytest.skip("no Python 3.12 on this machine: MWAA's images have it")
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([str(found), "-m", "venv", str(folder)], check=True)
    program = folder / "bin" / "python3"
    installed = subprocess.run([str(program), "-m", "pip", "install", "-q", "boto3"], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"no package index within reach: {installed.stderr.strip().splitlines()[-1]}")
    return program


@pytest.fixture
def container(tmp_path: Path, image_python: Path, account: Account) -> Container:
    account.client("s3").create_bucket(
        Bucket="code", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
    )
    return Container(tmp_path, image_python, account)


def lock_of(*names: str) -> str:
    """These packages from the project's lock file, with their hashes."""
    lines: list[str] = []
    taking = False
    for line in (PROJECT / "requirements/main.txt").read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            taking = line.split("==")[0] in names
        if taking:
            lines.append(line)
    assert len([line for line in lines if "==" in line]) == len(names)
    return "\n".join(lines) + "\n"


def test_worker_gets_a_venv_a_second_start_keeps_it_and_a_new_release_with_the_same_lock_too(
    container: Container,
) -> None:
    lock = lock_of("six", "certifi")
    sha256 = container.release(lock)
    first, environment = container.start(sha256)
    assert environment is not None, first.stdout + first.stderr
    assert "built in" in first.stdout
    said = subprocess.run([environment["MDW_BIN"], "status"], capture_output=True, text=True)
    assert said.stdout == "mdw ['status']\n"
    assert environment["MDW_ENVIRONMENT"] == "dev"
    assert Path(environment["MDW_PROJECT"], "mdw").is_dir()

    again, _ = container.start(sha256)
    assert "already exists" in again.stdout
    assert "unpacked" not in again.stdout

    newer = container.release(lock, **{"mdw/__main__.py": "import six\nprint('newer')\n"})
    updated, environment = container.start(newer)
    assert "already exists" in updated.stdout
    assert environment is not None
    assert subprocess.run([environment["MDW_BIN"]], capture_output=True, text=True).stdout == "newer\n"
    assert len(list((container.folder / "mdw" / "venvs").iterdir())) == 1


def test_scheduler_unpacks_the_release_and_builds_nothing(container: Container) -> None:
    done, environment = container.start(container.release(lock_of("six")), MWAA_AIRFLOW_COMPONENT="scheduler")
    assert environment is not None, done.stdout + done.stderr
    assert Path(environment["MDW_PROJECT"], "requirements/runtime.txt").is_file()
    assert not (container.folder / "mdw" / "venvs").exists()


@pytest.mark.soak
def test_venv_that_was_cut_off_is_built_again(container: Container) -> None:
    sha256 = container.release(lock_of("six"))
    container.start(sha256)
    (venv,) = (container.folder / "mdw" / "venvs").iterdir()
    (venv / ".complete").unlink()
    shutil.rmtree(venv / "lib")
    done, environment = container.start(sha256)
    assert "built in" in done.stdout
    assert environment is not None


@pytest.mark.soak
def test_package_that_is_not_the_locked_one_ends_the_start_with_a_reason(container: Container) -> None:
    wrong = "six==1.17.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    done, environment = container.start(container.release(wrong))
    assert environment is None
    assert done.returncode == 1
    assert 'FAILED in step "venv": could not install the locked requirements' in done.stdout


def test_wrong_or_missing_release_ends_the_start_with_a_reason(container: Container) -> None:
    container.release(lock_of("six"))
    other, environment = container.start("1" * 64)
    assert environment is None
    assert "is not the file that was deployed" in other.stdout
    unset, environment = container.start("")
    assert environment is None
    assert "AIRFLOW__MDW__RELEASE_SHA256 must come from the environment's configuration options" in unset.stdout
    gone, environment = container.start("1" * 64, AIRFLOW__MDW__RELEASE_URI="s3://code/nothing.zip")
    assert environment is None
    assert "could not fetch s3://code/nothing.zip" in gone.stdout


@pytest.mark.soak
def test_clickhouses_own_authority_reaches_every_task_as_one_setting(container: Container) -> None:
    container.account.client("s3").put_object(Bucket="code", Key="clickhouse/ca.pem", Body=b"# our authority\n")
    sha256 = container.release(lock_of("six", "certifi"))
    done, environment = container.start(sha256, AIRFLOW__MDW__CA_CERTIFICATE_URI="s3://code/clickhouse/ca.pem")
    assert environment is not None, done.stdout + done.stderr
    assert Path(environment["MDW_CA_FILE"]).read_text() == "# our authority\n"


@pytest.mark.soak
def test_whole_lock_is_installed_within_the_limit(container: Container) -> None:
    built = package.build(container.folder / "package", "3.3.1")
    container.account.client("s3").upload_file(str(built.project_zip), "code", "project.zip")
    done, environment = container.start(built.project_sha256)
    assert environment is not None, done.stdout + done.stderr
    for program in ("mdw", "dbt"):
        path = Path(environment["MDW_BIN"]).parent / program
        assert subprocess.run([str(path), "--help"], capture_output=True, timeout=120).returncode == 0


_AWS_OF_THE_OPERATOR = """#!/bin/bash
all="$*"
echo "$all" >>"$CALLS"
case "$1 $2" in
"s3 cp") echo authority >"$5" ;;
"secretsmanager get-secret-value") echo "https://${all##*/}:secret@clickhouse:8443/" ;;
esac
"""


@pytest.mark.soak
def test_operator_machine_installs_the_release_and_each_role_gets_its_own_url(
    tmp_path: Path, image_python: Path
) -> None:
    project = tmp_path / "releases" / "0123abcd"
    for name, text in {
        "requirements/runtime.txt": lock_of("six"),
        "infra/mwaa/bootstrap.txt": (PROJECT / "infra/mwaa/bootstrap.txt").read_text(),
        "mdw/__init__.py": "",
        "mdw/__main__.py": "import os, six, sys\nprint(*sys.argv[1:], *(os.environ[n] for n in "
        "('MDW_CLICKHOUSE_URL', 'MDW_CA_FILE', 'MDW_ENVIRONMENT', 'AWS_DEFAULT_REGION')))\n",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "aws").write_text(_AWS_OF_THE_OPERATOR)
    (programs / "aws").chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(_NETWORK)},
        "HOME": str(tmp_path),
        "PATH": f"{programs}:{image_python.parent}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "MDW_BASE": str(tmp_path / "base"),
        "MDW_BIN_FOLDER": str(tmp_path / "bin"),
        "MDW_PYTHON": "python3",
        # As /etc/mdw/operator.env of the template.
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "MDW_PROJECT_NAME": "mdw",
        "MDW_ENVIRONMENT": "dev",
        "MDW_CODE_BUCKET": "code",
        "MDW_CA_KEY": "clickhouse/ca.pem",
        "MDW_CLUSTER": "",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)

    (tmp_path / "base").mkdir()
    for _ in range(2):
        done = run("bash", str(PROJECT / "infra/operator/install.sh"), str(project))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ready: release 0123abcd" in done.stdout
    ca = tmp_path / "base" / "clickhouse-ca.pem"
    program = str(tmp_path / "bin" / "mdw-as")
    for role, secret in (("admin", "clickhouse_url_admin"), ("researcher", "clickhouse_url")):
        said = run(program, role, "status", "--json")
        assert said.stdout == f"status --json https://{secret}:secret@clickhouse:8443/ {ca} dev ap-northeast-1\n"
    assert "clickhouse_url_auditor:" in run(str(tmp_path / "bin" / "mdw"), "doctor").stdout
    refused = run(program, "root", "status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "admin, ingest, transform, auditor or researcher" in refused.stderr
    calls = (tmp_path / "calls").read_text()
    assert f"s3 cp --only-show-errors s3://code/clickhouse/ca.pem {ca}" in calls
    assert "--secret-id mdw/dev/alphaforge/clickhouse_url" in calls


_AWS_OF_A_WAREHOUSE = """#!/bin/bash
all="$*"
[[ "$1 $2" == "secretsmanager get-secret-value" ]] && cat "$URLS/${all##*/}"
"""


@pytest.mark.soak
def test_operator_machine_runs_the_deployed_release_with_its_whole_lock(
    tmp_path: Path, image_python: Path, module_warehouse: Warehouse
) -> None:
    built = package.build(tmp_path / "package", "3.0.6")
    project = tmp_path / "releases" / built.release_id
    with zipfile.ZipFile(built.project_zip) as release:
        release.extractall(project)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "aws").write_text(_AWS_OF_A_WAREHOUSE)
    (programs / "aws").chmod(0o755)
    roles: tuple[Role, ...] = ("admin", "auditor", "researcher")
    for role in roles:
        user = module_warehouse.settings.connection(role)
        name = "clickhouse_url" if role == "researcher" else f"clickhouse_url_{role}"
        address = f"{user.host}:{user.http_port}/?native_port={user.native_port}"
        (programs / name).write_text(f"http://{user.user}:{user.password}@{address}")
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(_NETWORK)},
        "HOME": str(tmp_path),
        "PATH": f"{programs}:{image_python.parent}:/usr/bin:/bin",
        "URLS": str(programs),
        "MDW_BASE": str(tmp_path / "base"),
        "MDW_BIN_FOLDER": str(tmp_path / "bin"),
        "MDW_PYTHON": "python3",
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "MDW_PROJECT_NAME": "mdw",
        "MDW_ENVIRONMENT": "dev",
        "MDW_CODE_BUCKET": "code",
        "MDW_CA_KEY": "",
        "MDW_CLUSTER": "",
    }
    (tmp_path / "base").mkdir()

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=600)

    installed = run("bash", str(project / "infra/operator/install.sh"), str(project))
    assert installed.returncode == 0, installed.stdout + installed.stderr
    operator = str(tmp_path / "bin" / "mdw-as")

    def says(*command: str) -> str:
        done = run(operator, *command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    # The commands of docs/aws_deployment.md that need neither AWS nor an exchange.
    says("admin", "migrate")
    assert json.loads(says("auditor", "status", "--json"))
    assert "binance" in says("auditor", "backfill", "--start", "2026-11-27T00:00:00Z", "--dry-run")
    # Each role by its own URL. Views exist after the first build only.
    assert module_warehouse.settings.connection("researcher").user in says("researcher", "sql", "select currentUser()")
    for command in ("acceptance", "backtest", "doctor"):
        says("auditor", command, "--help")
    dbt = run(str(tmp_path / "base" / "venv" / "bin" / "dbt"), "--version")
    assert "clickhouse" in dbt.stdout + dbt.stderr
