"""The live reader as a container: what it may reach, what it is given, and what its image holds."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.mwaa.deployment.package import runtime_lock
from infra.mwaa.deployment.template import load_yaml
from tests.infra.conftest import Account
from warehouse.project import PROJECT

TEMPLATE = load_yaml((PROJECT / "infra/mwaa/templates/live.yaml").read_text())
DOCKERFILE = (PROJECT / "infra/live/Dockerfile").read_text()
COPIED = [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]


def properties(name: str) -> dict[str, Any]:
    return TEMPLATE["Resources"][name]["Properties"]


def test_the_port_of_every_feed_is_open() -> None:
    """Binance's spot feed is on 9443 and OKX's on 8443: the group of AlphaForge's machines opens neither."""
    code = "\n".join(path.read_text() for path in PROJECT.glob("dlt_pipelines/venues/*/websocket.py"))
    ports = {urlsplit(url).port or 443 for url in re.findall(r"wss://[^\"]+", code)}
    assert {443, 8443, 9443} <= ports
    (task,) = [properties("Service")["NetworkConfiguration"]["AwsvpcConfiguration"]]
    assert {"Ref": "VenuesSecurityGroup"} in task["SecurityGroups"]
    # A rule of one port each, to everywhere.
    rules = properties("VenuesSecurityGroup")["SecurityGroupEgress"]
    assert {rule["FromPort"] for rule in rules if rule["CidrIp"] == "0.0.0.0/0"} == ports


def test_a_service_that_is_switched_off_raises_no_alarm() -> None:
    """`mdw acceptance --aws` is not met while any alarm of the deployment is active."""
    assert TEMPLATE["Resources"]["NoReader"]["Condition"] == "Watched"
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "Readers"}, 0]}]} in TEMPLATE["Conditions"]["Watched"]["Fn::And"]
    assert TEMPLATE["Parameters"]["Readers"]["Default"] == 0


def test_the_log_of_a_service_that_never_came_up_stays() -> None:
    assert "AWS::Logs::LogGroup" not in {entry["Type"] for entry in TEMPLATE["Resources"].values()}
    foundation = load_yaml((PROJECT / "infra/mwaa/templates/foundation.yaml").read_text())
    assert foundation["Resources"]["LiveLogs"]["Properties"]["RetentionInDays"]
    assert foundation["Outputs"]["LiveLogGroup"] == {"Value": {"Ref": "LiveLogs"}}


def test_its_roles_read_one_secret_and_one_file() -> None:
    execution = properties("ExecutionRole")["Policies"][0]["PolicyDocument"]["Statement"]
    (secret,) = [one for one in execution if one["Action"] == "secretsmanager:GetSecretValue"]
    assert secret["Resource"] == {"Ref": "UrlIngestSecretArn"}
    condition, policies, _ = properties("TaskRole")["Policies"]["Fn::If"]
    assert condition == "OwnCa"
    actions = {one["Action"] for policy in policies for one in policy["PolicyDocument"]["Statement"]}
    assert actions == {"s3:GetObject", "kms:Decrypt"}


def test_the_container_gets_clickhouses_authority_before_it_starts(account: Account, tmp_path: Path) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket="code", Key="clickhouse/ca.pem", Body=b"# our authority\n")
    show = "import os; print(open(os.environ['MDW_CA_FILE']).read() if 'MDW_CA_FILE' in os.environ else 'public')"

    def start(uri: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROJECT / "infra/live/start.py"), sys.executable, "-c", show],
            capture_output=True,
            text=True,
            env={**os.environ, **account.environment, "MDW_HOME": str(tmp_path / "home"), "MDW_CA_URI": uri},
            timeout=60,
        )

    assert start("s3://code/clickhouse/ca.pem").stdout == "# our authority\n\n"
    assert start("").stdout == "public\n"
    refused = start("s3://code/clickhouse/other.pem")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "s3://code/clickhouse/other.pem could not be fetched" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_image_holds_what_the_reader_imports_and_its_health_check_runs(tmp_path: Path) -> None:
    for *sources, target in COPIED:
        for source in sources:
            to = tmp_path / target / (Path(source).name if target.endswith("/") else "")
            to.parent.mkdir(parents=True, exist_ok=True)
            if (PROJECT / source).is_dir():
                shutil.copytree(PROJECT / source, to, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
            else:
                shutil.copy(PROJECT / source, to)
    imports = (
        "from dlt_pipelines.live.reader import Reader; from dlt_pipelines.planning.universe import load; "
        "from mdw.live.running import run; from warehouse.settings import Settings; "
        "import mdw.cli.live, sys; print(len(load(Settings.load().universe).series()), mdw.__file__); "
        "print({'dlt', 'ccxt', 'pandas', 'chdb'} & {*sys.modules})"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "MDW_HOME": str(tmp_path / "home")}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)

    said = python("-c", imports)
    assert said.returncode == 0, said.stderr
    first, second = said.stdout.splitlines()
    number, place = first.split()
    assert int(number) > 0
    assert place.startswith(str(tmp_path))
    assert second == "set()"
    check = properties("Task")["ContainerDefinitions"][0]["HealthCheck"]["Command"]
    assert check[:2] == ["CMD", "python"]
    idle = python(*check[2:])
    assert (idle.returncode, idle.stdout) == (1, "")
    assert "no reader has run here" in idle.stderr
    (tmp_path / "home" / "live").mkdir(parents=True)
    (tmp_path / "home" / "live" / "alive").touch()
    assert python(*check[2:]).returncode == 0


def test_the_image_installs_the_lock_without_the_embedded_server() -> None:
    (program,) = re.findall(r"awk '([^']+)'", DOCKERFILE)
    lock = (PROJECT / "requirements/main.txt").read_text()
    done = subprocess.run(["awk", program], input=lock, capture_output=True, text=True)
    kept = [line for line in done.stdout.splitlines() if line and not line.lstrip().startswith("#")]
    assert kept == [line for line in runtime_lock(lock).splitlines() if line and not line.lstrip().startswith("#")]
    assert "chdb-core" not in done.stdout


@pytest.mark.parametrize("source", sorted({source for *sources, _ in COPIED for source in sources}))
def test_the_build_context_holds_what_is_copied(source: str) -> None:
    assert (PROJECT / source).exists()
    assert f"!{source}" in (PROJECT / "infra/live/Dockerfile.dockerignore").read_text().splitlines()


def test_the_unit_for_a_machine_of_ones_own_is_what_systemd_accepts(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here: it is part of systemd")
    unit = tmp_path / "mdw-live.service"
    text = (PROJECT / "infra/live/systemd/mdw-live.service").read_text()
    assert "ExecStart=/opt/mdw/.venv/bin/mdw live\n" in text
    unit.write_text(text.replace("/opt/mdw/.venv/bin/mdw live", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        timeout=60,
    )
    assert not [line for line in done.stderr.splitlines() if "mdw-live" in line], done.stderr
