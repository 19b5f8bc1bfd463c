"""What the pages, scripts and programs ask of AWS: each `aws …` line against botocore's model of its operation, each
call against the policy of the role that makes it. Neither moto nor a template checker looks at these."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from infra.mwaa.deployment.template import load_yaml
from warehouse.project import PROJECT

SESSION = botocore.session.get_session()
COMMAND = re.compile(r"(?<![-\w])aws ([a-z0-9-]+) ([a-z0-9-]+)([^`|&;)\n]*)")
PAGES = sorted([*PROJECT.glob("docs/*.md"), *PROJECT.glob("runbooks/*.md"), *PROJECT.glob("infra/**/*.md")])
SCRIPTS = sorted([*PROJECT.glob("infra/**/*.sh"), *PROJECT.glob("infra/**/*.yaml")])
# Options of the command line itself, not of an operation.
EVERYWHERE = {"--region", "--query", "--output", "--only-show-errors"}
# The program's own commands, which no service has an operation for.
OF_THE_PROGRAM = {("sso", "login"), ("ecr", "get-login-password")}
# The program's own short form of MetricData.
SHORT = {("cloudwatch", "put-metric-data"): {"--metric-name", "--value", "--unit", "--dimensions"}}
# Calls that need a permission of another name, or none (service authorization reference).
RIGHTS = {
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "DownloadFile"): "s3:GetObject",
    ("s3", "UploadFile"): "s3:PutObject",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("sts", "GetCallerIdentity"): None,
}
PREFIXES = {"mwaa": "airflow"}


def shown(path: Path) -> Iterator[tuple[str, str, str]]:
    """Service, operation and the rest of each `aws` line; continuation lines are joined."""
    text = re.sub(r"\\+\n\s*", " ", path.read_text())
    for service, operation, rest in COMMAND.findall(text):
        if (service, operation) not in OF_THE_PROGRAM:
            yield service, operation, rest


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS], ids=lambda path: path.name)
def test_every_line_of_the_aws_program_is_an_operation_with_its_options(path: Path) -> None:
    for service, operation, rest in shown(path):
        options = set(re.findall(r"(?<!\S)--[a-z0-9-]+", rest)) - EVERYWHERE - SHORT.get((service, operation), set())
        if service == "s3":
            # The program's own command over several operations.
            assert (operation, options) == ("cp", set()), (service, operation, rest)
            continue
        model = SESSION.get_service_model({"s3api": "s3"}.get(service, service))
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, (service, operation)
        shape = model.operation_model(names[operation]).input_shape
        members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else {})}
        assert options <= set(members), (service, operation, options - set(members))
        missing = set(shape.required_members if shape else ()) - {members[one] for one in options}
        # Without any option it is the name of the command in a sentence.
        assert not missing or not rest.strip(), (service, operation, missing)


def test_the_reason_of_a_failed_boot_is_sent_to_the_wait_condition() -> None:
    """SignalResource has no member for one (botocore's model): with --stack a reason would be dropped."""
    assert set(_members("cloudformation", "SignalResource")) == {"StackName", "LogicalResourceId", "UniqueId", "Status"}
    text = (PROJECT / "infra/clickhouse/templates/node.yaml").read_text()
    signals = re.findall(r"cfn-signal ((?:[^\n]|\\\n)+)", re.sub(r"\\\n\s*", "", text))
    assert len(signals) == 4
    (reasoned,) = [one for one in signals if "--reason" in one]
    assert "${BootHandle}" in reasoned
    assert "--stack" not in reasoned
    resources = load_yaml(text)["Resources"]
    assert resources["Booted"]["Properties"]["Handle"] == {"Ref": "BootHandle"}
    # A creation policy would end the stack first, with the signal without a reason.
    assert "CreationPolicy" not in resources["Machine"]
    # If the group itself replaces a machine, no stack waits and both signals are refused: the boot still succeeds.
    for one in signals:
        assert "||" in one, one


def _members(service: str, operation: str) -> list[str]:
    return list(SESSION.get_service_model(service).operation_model(operation).input_shape.members)


def allowed(template: str, *roles: str) -> set[str]:
    """The actions that the named resources of a template allow."""
    resources = load_yaml((PROJECT / template).read_text())["Resources"]
    return set(_actions([resources[role] for role in roles]))


def _actions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("Effect") == "Allow" and "Principal" not in node:
            yield from [node["Action"]] if isinstance(node["Action"], str) else node["Action"]
        for value in node.values():
            yield from _actions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _actions(value)


def by_program(*paths: str) -> set[tuple[str, str]]:
    """Calls of the `aws` program in scripts, as service and operation."""
    found = set()
    for path in paths:
        for service, operation, rest in shown(PROJECT / path):
            if service == "s3":
                upload = rest.split()[-1].strip('"').startswith("s3://")
                found.add(("s3", "PutObject" if upload else "GetObject"))
            else:
                found.add((service.replace("s3api", "s3"), "".join(part.title() for part in operation.split("-"))))
    return found


def by_boto3(*patterns: str) -> set[tuple[str, str]]:
    """Calls of boto3's clients, as service and operation: `cloud.s3.head_object(`, `.get_paginator("…")`."""
    services = "s3|ec2|logs|sns|cloudwatch|mwaa|secretsmanager|sts|cloudformation|ssm"
    call = re.compile(rf"(?:\.|_|\b)({services})(?:\"\))?\.([a-z_0-9]+)\((?:\"([a-z_0-9]+)\")?")
    # A client created inline, and its first call below.
    own = re.compile(r"boto3\.client\(\"(\w+)\".{0,600}?client\.([a-z_]+)\(", re.DOTALL)
    found = set()
    for pattern in patterns:
        for path in sorted(PROJECT.glob(pattern)):
            for service, method, paginated in call.findall(path.read_text()):
                name = paginated if method == "get_paginator" else method
                found.add((service, _operation(name)))
            for service, method in own.findall(path.read_text()):
                found.add((service, _operation(method)))
    return found


def _operation(method: str) -> str:
    return "".join(part.title() for part in method.split("_"))


def right(service: str, operation: str) -> str | None:
    return RIGHTS.get((service, operation), f"{PREFIXES.get(service, service)}:{operation}")


WORKER = [
    "mdw/alerting/*.py",
    "mdw/metrics/*.py",
    "mdw/reports/delivery.py",
    "dags/market_data/*.py",
    "infra/mwaa/startup.sh",
]
NODE = [
    "infra/clickhouse/templates/node.yaml",
    *(f"infra/clickhouse/bin/{p.name}" for p in PROJECT.glob("infra/clickhouse/bin/*.sh")),
]
ACCEPTANCE = ["mdw/acceptance/*.py", "infra/mwaa/deployment/smoke.py"]


@pytest.mark.parametrize(
    ("calls", "rights"),
    [
        pytest.param(by_program(*NODE), allowed(NODE[0], "Role"), id="node"),
        pytest.param(
            by_program("infra/mwaa/templates/operator.yaml", "infra/operator/install.sh")
            | by_boto3(*ACCEPTANCE)
            | {("cloudformation", "DescribeStacks")},
            allowed("infra/mwaa/templates/operator.yaml", "Role"),
            id="operator",
        ),
        pytest.param(
            by_boto3(*WORKER)
            # `snapshot export --to s3://…` (warehouse/iceberg/target.py).
            | {("s3", "HeadBucket"), ("s3", "PutObject"), ("s3", "GetObject"), ("s3", "DeleteObject")},
            allowed("infra/mwaa/templates/environment.yaml", "ServicePolicy", "PipelinePolicy"),
            id="worker",
        ),
        pytest.param(
            by_boto3("infra/mwaa/deployment/*.py", "infra/mwaa/deploy.py") | {("ssm", "StartSession")},
            set(_actions(json.loads((PROJECT / "infra/mwaa/deployer-policy.json").read_text()))),
            id="deployer",
        ),
    ],
)  # fmt: skip
def test_each_role_may_do_what_its_programs_ask(calls: set[tuple[str, str]], rights: set[str]) -> None:
    assert len(calls) >= 5
    wanted = {right(service, operation) for service, operation in calls} - {None}
    missing = {one for one in wanted if not any(fnmatchcase(str(one), pattern) for pattern in rights)}
    assert not missing, sorted(map(str, missing))


def test_whoever_reads_what_the_key_encrypts_may_use_the_key() -> None:
    """Secrets and the objects of the code and backup buckets are encrypted with the key of the stack foundation."""
    readers = 0
    for path in PROJECT.glob("infra/*/templates/*.yaml"):
        for name, entry in load_yaml(path.read_text())["Resources"].items():
            if entry["Type"] not in ("AWS::IAM::Role", "AWS::IAM::Policy"):
                continue
            held = set(_actions(entry))
            if {"secretsmanager:GetSecretValue", "s3:GetObject", "s3:GetObject*"} & held and name != "PipelinePolicy":
                readers += 1
                assert "kms:Decrypt" in held, (path.name, name)
    assert readers >= 5
    # PipelinePolicy belongs to the role of ServicePolicy, which is among them.
    guide = (PROJECT / "docs/aws_deployment.md").read_text()
    needs = guide.partition("Their role needs")[2].partition("On those machines")[0]
    assert {"secretsmanager:GetSecretValue", "s3:GetObject", "kms:Decrypt"} <= set(re.findall(r"`(\w+:\w+)`", needs))


def test_the_deployer_may_hand_each_role_to_the_service_that_takes_it() -> None:
    """PassRole is refused for a service that the condition does not name: the stack would fail at that resource."""
    policy = json.loads((PROJECT / "infra/mwaa/deployer-policy.json").read_text())
    (passing,) = [one for one in policy["Statement"] if one["Action"] == "iam:PassRole"]
    allowed_services = set(passing["Condition"]["StringEquals"]["iam:PassedToService"])
    taken = {
        service
        for path in PROJECT.glob("infra/*/templates/*.yaml")
        for entry in load_yaml(path.read_text())["Resources"].values()
        if entry["Type"] == "AWS::IAM::Role"
        for statement in entry["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in _listed(statement["Principal"]["Service"])
    }
    assert taken == allowed_services
    # Services that make a role of their own on first use in an account (their user guides).
    kinds = {
        entry["Type"]
        for path in PROJECT.glob("infra/*/templates/*.yaml")
        for entry in load_yaml(path.read_text())["Resources"].values()
    }
    of_kind = {
        "AWS::MWAA::Environment": "airflow.amazonaws.com",
        "AWS::AutoScaling::AutoScalingGroup": "autoscaling.amazonaws.com",
        "AWS::ECS::Cluster": "ecs.amazonaws.com",
    }
    (linked,) = [one for one in policy["Statement"] if one["Action"] == "iam:CreateServiceLinkedRole"]
    named = set(linked["Condition"]["StringEquals"]["iam:AWSServiceName"])
    assert named == {service for kind, service in of_kind.items() if kind in kinds}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# What CloudFormation's handlers name for features that no template here uses.
UNUSED = (
    "elasticloadbalancing:*", "managed-fleets:*", "vpc-lattice:*", "vpce:*", "s3tables:*", "firehose:*",
    "iam:*Group*Policy", "iam:*User*Policy", "iam:*PermissionsBoundary", "iam:CreatePolicy",
    "ssm:CreateAssociation", "ssm:DeleteAssociation",
)  # fmt: skip


def test_the_deployers_policy_covers_what_cloudformation_asks_for_each_resource() -> None:
    """The handlers of the resource types list their permissions (cfn-lint's copy of CloudFormation's registry)."""
    manager = pytest.importorskip("cfnlint.schema.manager", reason="cfn-lint is in the dev extra")
    held = set(_actions(json.loads((PROJECT / "infra/mwaa/deployer-policy.json").read_text())))
    kinds = {
        entry["Type"]
        for path in PROJECT.glob("infra/*/templates/*.yaml")
        for entry in load_yaml(path.read_text())["Resources"].values()
    }
    lacking = set()
    for kind in kinds:
        schema = manager.PROVIDER_SCHEMA_MANAGER.get_resource_schema("ap-northeast-1", kind).schema
        for handler in ("create", "read", "update", "delete"):
            for one in schema.get("handlers", {}).get(handler, {}).get("permissions", []):
                if not any(fnmatchcase(one.lower(), pattern.lower()) for pattern in (*held, *UNUSED)):
                    lacking.add(f"{kind}: {one}")
    assert not lacking, sorted(lacking)
