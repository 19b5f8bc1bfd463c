"""What holds for every template, read as text: no AWS is asked."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.mwaa.deployment import plan
from infra.mwaa.deployment.template import Template, load_yaml
from warehouse.settings import PROJECT

TEMPLATES = sorted(PROJECT.glob("infra/*/templates/*.yaml"))
ENVIRONMENTS = sorted(path.stem for path in plan.PARAMETERS.glob("*.json"))
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)


def resources(path: Path, kind: str) -> list[dict[str, Any]]:
    found = load_yaml(path.read_text())["Resources"].values()
    return [entry.get("Properties", {}) for entry in found if entry["Type"] == kind]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_fits_its_templates(environment: str) -> None:
    loaded = plan.load(environment)
    assert "CodeBucketName" in loaded.stacks[0].template.outputs
    assert len({stack.name for stack in loaded.stacks}) == len(loaded.stacks)


@each_template
def test_template_is_small_enough_to_be_sent_inline(path: Path) -> None:
    assert len(path.read_bytes()) <= 51_200
    assert Template.read(path).resources


@each_template
def test_no_ingress_from_everywhere(path: Path) -> None:
    rules = [
        rule for group in resources(path, "AWS::EC2::SecurityGroup") for rule in group.get("SecurityGroupIngress", [])
    ]
    rules += resources(path, "AWS::EC2::SecurityGroupIngress")
    assert not [rule for rule in rules if rule.get("CidrIp") == "0.0.0.0/0" or "CidrIpv6" in rule]


@each_template
def test_no_secret_is_written_down(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", text)
    for entry in resources(path, "AWS::SecretsManager::Secret"):
        value = json.dumps(entry.get("SecretString", ""))
        assert "GenerateSecretString" in entry or "{{resolve:secretsmanager:" in value
        assert entry["KmsKeyId"]


@each_template
def test_disks_and_buckets_are_encrypted(path: Path) -> None:
    for volume in resources(path, "AWS::EC2::Volume"):
        assert volume["Encrypted"] is True
        assert (volume["VolumeType"], volume["KmsKeyId"]) == ("gp3", {"Ref": "KeyArn"})
    for bucket in resources(path, "AWS::S3::Bucket"):
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert all(bucket["PublicAccessBlockConfiguration"].values())


@each_template
def test_no_statement_allows_everything(path: Path) -> None:
    def walk(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, dict):
            here = [node] if node.get("Effect") == "Allow" else []
            return here + [found for value in node.values() for found in walk(value)]
        return [found for value in node for found in walk(value)] if isinstance(node, list) else []

    for statement in walk(load_yaml(path.read_text())):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        wide = [action for action in actions if action == "*" or action.endswith(":*")]
        # A key policy must leave the key to its account, or nobody could change it again.
        assert not wide or statement.get("Sid") == "AccountAdministersTheKey", statement


def test_cfn_lint_is_clean() -> None:
    program = Path(sys.executable).parent / "cfn-lint"
    if not program.exists():
        pytest.skip("cfn-lint is not installed: it is in the dev extra")
    done = subprocess.run(
        [str(program), *map(str, TEMPLATES)], capture_output=True, text=True, cwd=PROJECT, timeout=300
    )
    assert done.returncode == 0, done.stdout
