"""Checks on every template as text, without AWS."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.mwaa.deployment import plan
from infra.mwaa.deployment.template import Template, load_yaml
from warehouse.project import PROJECT

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
        # A key policy must grant the account access to the key, or it could never be changed again.
        assert not wide or statement.get("Sid") == "AccountAdministersTheKey", statement


@each_template
def test_a_creation_that_failed_can_be_repeated(path: Path) -> None:
    """A retained resource with a fixed name would block the next creation."""
    for name, entry in load_yaml(path.read_text())["Resources"].items():
        assert entry.get("DeletionPolicy") in (None, "RetainExceptOnCreate", "Snapshot"), name


def test_who_publishes_to_the_topic_may_use_its_key() -> None:
    template = load_yaml((PROJECT / "infra/mwaa/templates/foundation.yaml").read_text())["Resources"]

    def services(statements: list[dict[str, Any]], action: str) -> set[str]:
        found: set[str] = set()
        for one in statements:
            actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
            if one["Effect"] == "Allow" and action in actions:
                named = one["Principal"].get("Service", [])
                found |= set([named] if isinstance(named, str) else named)
        return found

    publish = services(template["AlertTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"], "sns:Publish")
    encrypt = services(template["Key"]["Properties"]["KeyPolicy"]["Statement"], "kms:GenerateDataKey*")
    assert {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.amazonaws.com"} == publish
    assert publish <= encrypt
    # The group's own notifications come from a service-linked role that may not use this key.
    for path in TEMPLATES:
        for group in resources(path, "AWS::AutoScaling::AutoScalingGroup"):
            assert "NotificationConfigurations" not in group
    (rule,) = resources(PROJECT / "infra/mwaa/templates/monitoring.yaml", "AWS::Events::Rule")
    assert "EC2 Instance Launch Unsuccessful" in rule["EventPattern"]["detail-type"]


def test_backups_role_may_remove_the_lock_that_backup_leaves() -> None:
    (role,) = resources(PROJECT / "infra/clickhouse/templates/node.yaml", "AWS::IAM::Role")
    (backups,) = [one for one in role["Policies"][0]["PolicyDocument"]["Statement"] if one["Sid"] == "Backups"]
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= set(backups["Action"])


def test_an_increment_never_outlives_its_full_backup_within_the_promise() -> None:
    base = Template.read(PROJECT / "infra/clickhouse/templates/base.yaml")
    promised, longest_month = 35, 31
    assert int(base.parameters["BackupExpiryDays"].default or 0) >= promised + longest_month


def test_every_class_has_memory_for_the_tasks_it_runs_at_once() -> None:
    """The figures of infra/mwaa/README.md, Sizes: MB of a worker, of its own processes, of a task at its peak."""
    template = load_yaml((PROJECT / "infra/mwaa/templates/environment.yaml").read_text())
    allowed = template["Parameters"]["EnvironmentClass"]["AllowedValues"]
    memory = {"mw1.small": 2, "mw1.medium": 4, "mw1.large": 8, "mw1.xlarge": 24, "mw1.2xlarge": 48}
    workers = template["Mappings"]["Workers"]
    assert set(workers) == set(allowed) == set(memory)
    for name, gigabytes in memory.items():
        tasks = int(workers[name]["Autoscale"].split(",")[0])
        assert 600 + tasks * 700 <= gigabytes * 1024, name


def test_cfn_lint_is_clean() -> None:
    program = Path(sys.executable).parent / "cfn-lint"
    if not program.exists():
        pytest.skip("cfn-lint is not installed: it is in the dev extra")
    done = subprocess.run(
        [str(program), *map(str, TEMPLATES)], capture_output=True, text=True, cwd=PROJECT, timeout=300
    )
    assert done.returncode == 0, done.stdout
