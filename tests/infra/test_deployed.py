"""What exists in the account after `deploy dev`, checked through AWS's own API."""

import ast
import json
from pathlib import Path
from typing import Any

from dlt_pipelines.planning.universe import load
from tests.infra.conftest import FAST, Account, change
from warehouse.project import PROJECT


def statements(document: Any) -> list[dict[str, Any]]:
    content = document if isinstance(document, dict) else json.loads(document)
    return list(content["Statement"])


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_two_private_subnets_in_two_zones_leave_by_one_fixed_address(deployed: Account) -> None:
    ec2, outputs = deployed.client("ec2"), deployed.outputs()
    subnets = ec2.describe_subnets(SubnetIds=[outputs["PrivateSubnetA"], outputs["PrivateSubnetB"]])["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    (nat,) = ec2.describe_nat_gateways()["NatGateways"]
    assert nat["NatGatewayAddresses"][0]["PublicIp"] == outputs["NatPublicAddress"]
    leaving = [
        route.get("NatGatewayId")
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]
    # One through the internet gateway (the NAT's subnet), all others through the NAT.
    assert sorted(leaving, key=str) == [None, nat["NatGatewayId"]]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert [endpoint["ServiceName"] for endpoint in endpoints] == ["com.amazonaws.ap-northeast-1.s3"]


def test_only_airflow_and_alphaforge_may_connect_to_clickhouse(deployed: Account) -> None:
    ec2, outputs = deployed.client("ec2"), deployed.outputs()
    (group,) = ec2.describe_security_groups(GroupIds=[outputs["ClickHouseSecurityGroupId"]])["SecurityGroups"]
    allowed = {
        (rule["FromPort"], pair["GroupId"]) for rule in group["IpPermissions"] for pair in rule["UserIdGroupPairs"]
    }
    own = outputs["ClickHouseSecurityGroupId"]
    clients = (outputs["MwaaSecurityGroupId"], outputs["AlphaForgeSecurityGroupId"])
    assert {entry for entry in allowed if entry[1] != own} == {(port, who) for port in (8443, 9440) for who in clients}
    assert not any(rule["IpRanges"] for rule in group["IpPermissions"])


def test_no_security_group_lets_the_internet_in(deployed: Account) -> None:
    vpc = deployed.outputs()["VpcId"]
    groups = deployed.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    for group in groups["SecurityGroups"]:
        ranges = [block["CidrIp"] for rule in group["IpPermissions"] for block in rule["IpRanges"]]
        assert "0.0.0.0/0" not in ranges, group["GroupName"]


def test_buckets_are_private_versioned_encrypted_and_refuse_plain_http(deployed: Account) -> None:
    s3, outputs = deployed.client("s3"), deployed.outputs()
    for name in ("CodeBucketName", "DataBucketName", "BackupBucketName"):
        bucket = outputs[name]
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["KeyArn"]
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        (refusal,) = [
            entry
            for entry in statements(s3.get_bucket_policy(Bucket=bucket)["Policy"])
            if entry["Effect"] == "Deny" and entry["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert refusal["Action"] == "s3:*"


def test_execution_role_reads_its_secrets_and_no_others(deployed: Account) -> None:
    iam, outputs = deployed.client("iam"), deployed.outputs()
    role = outputs["ExecutionRoleArn"].rpartition("/")[2]
    allowed: list[dict[str, Any]] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        allowed += statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    secrets = [entry for entry in allowed if any("secretsmanager" in action for action in as_list(entry["Action"]))]
    (entry,) = secrets
    assert sorted(resource.rpartition(":")[2] for resource in entry["Resource"]) == [
        "mdw/dev/connections/*",
        "mdw/dev/variables/*",
    ]
    # A star is used only for actions without resource-level permissions, alone or with a condition.
    everywhere = {
        action
        for entry in allowed
        if entry["Resource"] == "*" and "Condition" not in entry
        for action in entry["Action"]
    }
    assert everywhere == {"logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock"}
    assert not any(action.endswith(":*") or action == "*" for entry in allowed for action in as_list(entry["Action"]))
    writes = [entry for entry in allowed if "s3:PutObject" in as_list(entry["Action"])]
    assert [entry["Resource"] for entry in writes] == [f"arn:aws:s3:::{outputs['DataBucketName']}/*"]


def test_airflow_runs_the_release_with_the_secrets_backend(deployed: Account) -> None:
    airflow = deployed.airflow.environments["mdw-dev"]
    outputs = deployed.outputs()
    assert airflow["AirflowVersion"] == "3.0.6"
    wanted = json.loads((PROJECT / "dags" / "pools.json").read_text())
    assert {name: deployed.airflow.pools[name]["slots"] for name in wanted} == dict.fromkeys(wanted, 1)
    assert airflow["KmsKey"] == outputs["KeyArn"]
    assert airflow["DagS3Path"] == f"releases/{outputs['ActiveReleaseId']}/dags"
    assert len(airflow["NetworkConfiguration"]["SubnetIds"]) == 2
    options = airflow["AirflowConfigurationOptions"]
    assert json.loads(options["secrets.backend_kwargs"]) == {
        "connections_prefix": "mdw/dev/connections",
        "variables_prefix": "mdw/dev/variables",
    }
    s3 = deployed.client("s3")
    for key, version in (
        ("startup.sh", "StartupScriptS3ObjectVersion"),
        ("requirements.txt", "RequirementsS3ObjectVersion"),
    ):
        found = s3.get_object(Bucket=outputs["CodeBucketName"], Key=key, VersionId=airflow[version])
        assert found["ContentLength"] > 0
    requirements = s3.get_object(Bucket=outputs["CodeBucketName"], Key="requirements.txt")["Body"].read().decode()
    assert "constraints-3.0.6/constraints-3.12.txt" in requirements
    bucket, _, key = options["mdw.release_uri"].removeprefix("s3://").partition("/")
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"]["sha256"] == options["mdw.release_sha256"]


def test_every_alarm_reaches_the_topic(deployed: Account) -> None:
    alarms = deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        "mdw-dev-no-publication",
        "mdw-dev-stale-series",
        "mdw-dev-warehouse-down",
        "mdw-dev-failed-tasks",
        "mdw-dev-scheduler-heartbeat",
        "mdw-dev-dag-import-errors",
        "mdw-dev-clickhouse-disk",
        "mdw-dev-clickhouse-down",
        "mdw-dev-clickhouse-backup",
    }
    topic = deployed.outputs()["AlertTopicArn"]
    assert all(alarm["AlarmActions"] == [topic] and alarm["OKActions"] == [topic] for alarm in alarms)
    (subscription,) = deployed.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "data-oncall@example.com")


def test_silence_of_the_pipeline_is_an_alarm_too(deployed: Account) -> None:
    """A stopped pipeline sends no metrics: missing data must raise the alarm."""
    alarms = {alarm["AlarmName"]: alarm for alarm in deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    for name in ("no-publication", "scheduler-heartbeat", "clickhouse-down", "clickhouse-backup", "clickhouse-disk"):
        assert alarms[f"mdw-dev-{name}"]["TreatMissingData"] == "breaching"
    metrics = {metric["Id"]: metric for metric in alarms["mdw-dev-no-publication"]["Metrics"]}
    assert metrics["seconds"]["MetricStat"]["Metric"]["MetricName"] == "SecondsSincePublication"
    assert metrics["seconds"]["MetricStat"]["Metric"]["Namespace"] == "Mdw"


def test_alarms_on_the_pipeline_look_as_often_as_it_speaks(deployed: Account) -> None:
    """Metrics are sent once per run: a shorter period would treat the pauses between runs as missing data."""
    minutes = load(PROJECT / "config" / "universe.yml").schedule.update.split()[0]
    alarms = {alarm["AlarmName"]: alarm for alarm in deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    metrics = {metric["Id"]: metric for metric in alarms["mdw-dev-no-publication"]["Metrics"]}
    periods = [metrics["seconds"]["MetricStat"]["Period"]]
    periods += [alarms[f"mdw-dev-{name}"]["Period"] for name in ("stale-series", "warehouse-down")]
    assert [f"*/{period // 60}" for period in periods] == [minutes] * 3
    assert alarms["mdw-dev-no-publication"]["EvaluationPeriods"] == 4


def test_dashboard_is_readable_and_budget_is_set(deployed: Account) -> None:
    body = deployed.client("cloudwatch").get_dashboard(DashboardName="mdw-dev")["DashboardBody"]
    titles = [widget["properties"]["title"] for widget in json.loads(body)["widgets"]]
    assert "Hours since the last publication" in titles
    (budget,) = deployed.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"]
    assert budget["BudgetLimit"] == {"Amount": "800", "Unit": "USD"}


def test_each_service_has_a_url_of_its_own_user_with_the_servers_password(deployed: Account) -> None:
    secrets = deployed.client("secretsmanager")

    def value(name: str) -> str:
        return str(secrets.get_secret_value(SecretId=f"mdw/dev/{name}")["SecretString"])

    for role in ("admin", "ingest", "transform", "auditor"):
        password = json.loads(value(f"clickhouse/{role}"))["password"]
        assert len(password) == 40
        assert value(f"variables/clickhouse_url_{role}") == (
            f"https://svc_{role}:{password}@clickhouse.mdw.internal:8443/?native_port=9440"
        )
    assert value("alphaforge/clickhouse_url").startswith("https://svc_researcher:")
    connection = json.loads(value("connections/mdw_clickhouse"))
    assert (connection["login"], connection["schema"]) == ("svc_auditor", "https")
    keys = {entry["Name"]: entry.get("KmsKeyId") for entry in secrets.list_secrets(MaxResults=100)["SecretList"]}
    assert set(keys.values()) == {deployed.outputs()["KeyArn"]}, keys


def test_no_password_is_in_what_cloudformation_shows(deployed: Account) -> None:
    cloudformation, secrets = deployed.client("cloudformation"), deployed.client("secretsmanager")
    shown = json.dumps(cloudformation.describe_stacks()["Stacks"], default=str)
    for stack in cloudformation.describe_stacks()["Stacks"]:
        shown += str(cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"])
    shown += json.dumps(deployed.airflow.environments)
    for role in ("admin", "ingest", "transform", "auditor", "researcher", "cluster"):
        password = json.loads(secrets.get_secret_value(SecretId=f"mdw/dev/clickhouse/{role}")["SecretString"])[
            "password"
        ]
        assert password not in shown


def test_clickhouse_machine_takes_no_old_metadata_and_keeps_data_on_its_own_volume(deployed: Account) -> None:
    ec2, outputs = deployed.client("ec2"), deployed.outputs()
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    version = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
    data = version["LaunchTemplateVersions"][-1]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert not data["NetworkInterfaces"][0]["AssociatePublicIpAddress"]
    # Type and encryption are checked on the template: moto reads size and zone only.
    (volume,) = ec2.describe_volumes(VolumeIds=[outputs["VolumeId"]])["Volumes"]
    assert volume["Size"] == 100
    (group,) = deployed.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MaxSize"], group["DesiredCapacity"]) == (1, 1)


def test_logs_are_kept_for_a_time_not_for_ever(deployed: Account) -> None:
    groups = deployed.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert {f"airflow-mdw-dev-{part}" for part in ("Task", "Worker", "Scheduler", "WebServer", "DAGProcessing")} < set(
        kept
    )
    assert all(kept.values()), kept


def test_what_fails_on_its_first_day_leaves_its_logs(deployed: Account) -> None:
    """A failed creation deletes the stack's log groups, so they belong to earlier stacks."""
    stacks = {
        one["PhysicalResourceId"]: stack["StackName"]
        for stack in deployed.client("cloudformation").describe_stacks()["Stacks"]
        for one in deployed.client("cloudformation").list_stack_resources(StackName=stack["StackName"])[
            "StackResourceSummaries"
        ]
        if one["ResourceType"] == "AWS::Logs::LogGroup"
    }
    assert stacks["/mdw/dev/clickhouse"] == "mdw-dev-clickhouse"
    assert stacks["airflow-mdw-dev-Worker"] == "mdw-dev-foundation"


def test_airflow_runs_as_many_tasks_at_once_as_its_workers_have_memory_for(deployed: Account) -> None:
    airflow = deployed.airflow.environments["mdw-dev"]
    assert (airflow["EnvironmentClass"], airflow["AirflowConfigurationOptions"]["celery.worker_autoscale"]) == (
        "mw1.small",
        "2,2",
    )
    assert airflow["MaxWorkers"] == 2


def test_operator_machine_reads_every_roles_url_and_changes_nothing(deployed: Account) -> None:
    instance = deployed.outputs()["OperatorInstanceId"]
    (found,) = deployed.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
    assert "PublicIpAddress" not in found["Instances"][0]
    release = deployed.client("ssm").get_parameter(Name="/mdw/dev/release")["Parameter"]["Value"].split()
    assert release[0] == deployed.outputs()["ActiveReleaseId"]
    iam = deployed.client("iam")
    (role,) = [one["RoleName"] for one in iam.list_roles()["Roles"] if "operator" in one["RoleName"]]
    # Moto keeps the policy inside a role as Python wrote it.
    document = iam.get_role_policy(RoleName=role, PolicyName="operator")["PolicyDocument"]
    allowed = statements(ast.literal_eval(document) if isinstance(document, str) else document)
    actions = {action for entry in allowed for action in as_list(entry["Action"])}
    assert {"secretsmanager:GetSecretValue", "airflow:InvokeRestApi", "cloudwatch:DescribeAlarms"} <= actions
    assert not [action for action in actions if ":Put" in action or ":Delete" in action or ":Update" in action]
    stopped = deployed.deploy("operator", "dev", "stop")
    assert stopped.returncode == 0, stopped.stderr
    started = deployed.deploy("operator", "dev", "start")
    assert f"aws ssm start-session --region ap-northeast-1 --target {instance}" in started.stdout
    assert deployed.deploy("operator", "dev", "restart").returncode == 2


# From here on the account is changed: each of these tests leaves it usable for the following ones.


def test_second_deployment_of_the_same_checkout_changes_nothing(deployed: Account) -> None:
    said = deployed.deploy("deploy", "dev", *FAST)
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("nothing to change") == 8, said.stdout
    assert " bytes" not in said.stdout


def test_rotated_password_is_in_every_place_and_was_not_printed(deployed: Account) -> None:
    secrets = deployed.client("secretsmanager")

    def value(name: str) -> str:
        return str(secrets.get_secret_value(SecretId=f"mdw/dev/{name}")["SecretString"])

    before = json.loads(value("clickhouse/auditor"))["password"]
    said = deployed.deploy("rotate", "dev", "auditor")
    assert said.returncode == 0, said.stderr
    after = json.loads(value("clickhouse/auditor"))["password"]
    assert after != before
    assert value("variables/clickhouse_url_auditor") == (
        f"https://svc_auditor:{after}@clickhouse.mdw.internal:8443/?native_port=9440"
    )
    assert json.loads(value("connections/mdw_clickhouse"))["password"] == after
    assert after not in said.stdout + said.stderr
    assert deployed.deploy("rotate", "dev", "root").returncode == 2


def test_changed_parameter_changes_its_stack_only_and_dry_run_says_so_first(
    deployed: Account, parameters: Path
) -> None:
    change(parameters, "monitoring", HoursWithoutPublication=12)
    dry = deployed.deploy("deploy", str(parameters), "--dry-run")
    assert "mdw-dev-monitoring: would set HoursWithoutPublication: 6 -> 12" in dry.stdout
    assert dry.stdout.count("nothing to change") == 7
    assert _threshold(deployed) == 6
    assert deployed.deploy("deploy", str(parameters), *FAST).returncode == 0
    assert _threshold(deployed) == 12


def _threshold(deployed: Account) -> float:
    alarms = deployed.client("cloudwatch").describe_alarms(AlarmNames=["mdw-dev-no-publication"])["MetricAlarms"]
    return float(alarms[0]["Threshold"])
