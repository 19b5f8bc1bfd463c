"""deploy.py as an operator uses it: first time, again, dry, wrong, failing, back."""

import json
import re
from pathlib import Path

from tests.infra.conftest import FAST, Account, change
from warehouse.project import PROJECT


def test_dry_run_of_an_empty_account_names_everything_and_makes_nothing(account: Account) -> None:
    said = account.deploy("deploy", "dev", "--dry-run")
    assert said.returncode == 0, said.stderr
    assert "mdw-dev-environment: would Add     AWS::MWAA::Environment Airflow" in said.stdout
    assert "Dry run: nothing was changed." in said.stdout
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert account.client("s3").list_buckets()["Buckets"] == []


def test_release_that_fails_its_smoke_test_is_rolled_back(account: Account, parameters: Path) -> None:
    assert account.deploy("deploy", str(parameters), *FAST).returncode == 0
    good = account.airflow.environments["mdw-dev"]["DagS3Path"]
    _pretend_earlier_release(account)
    account.airflow.import_errors = [{"filename": "market_data_update.py", "stack_trace": "ImportError"}]
    change(parameters, "environment", AirflowVersion="3.2.1")
    said = account.deploy("deploy", str(parameters), *FAST)
    assert said.returncode == 1
    assert "runs again" in said.stderr
    assert "import errors in ['market_data_update.py']" in said.stderr
    assert account.airflow.environments["mdw-dev"]["DagS3Path"] == "releases/0123456789abcdef/dags" != good


def _pretend_earlier_release(account: Account) -> None:
    """Another release id in the record, as if an older checkout had been deployed before this one."""
    bucket = account.outputs()["CodeBucketName"]
    s3 = account.client("s3")
    known = json.loads(s3.get_object(Bucket=bucket, Key="releases/deployed.json")["Body"].read())
    older = {**known[-1], "ReleaseId": "0123456789abcdef", "ReleaseSha256": "0" * 64}
    s3.put_object(Bucket=bucket, Key="releases/deployed.json", Body=json.dumps([older]).encode())


def test_rollback_puts_the_release_before_back(account: Account) -> None:
    assert account.deploy("deploy", "dev", *FAST).returncode == 0
    _pretend_earlier_release(account)
    assert account.deploy("deploy", "dev", *FAST).returncode == 0
    said = account.deploy("rollback", "dev", *FAST)
    assert said.returncode == 0, said.stderr
    assert "release 0123456789abcdef runs again" in said.stdout
    assert account.airflow.environments["mdw-dev"]["DagS3Path"] == "releases/0123456789abcdef/dags"
    unknown = account.deploy("rollback", "dev", "--release", "ffff")
    assert unknown.returncode == 2
    assert "There is no release 'ffff'; known: " in unknown.stderr


def test_refusal_by_aws_stops_the_deployment_and_gives_awss_reason(account: Account) -> None:
    account.airflow.refuse = "Airflow version 3.3.1 is not supported in this region"
    said = account.deploy("deploy", "dev", *FAST)
    assert said.returncode == 1
    assert "mdw-dev-environment ended as ROLLBACK_COMPLETE" in said.stderr
    assert "is not supported in this region" in said.stderr
    account.airflow.refuse = None
    again = account.deploy("deploy", "dev", *FAST)
    assert again.returncode == 0, again.stderr


def test_wrong_parameters_are_named_together_before_aws_is_asked(parameters: Path, account: Account) -> None:
    change(parameters, "environment", EnvironmentClass="mw1.tiny", MaxWorker=3)
    change(parameters, "foundation", AlertEmail=None)
    change(parameters, "node", NodeSubnet="@PrivateSubnetZ", VolumeGiB=5)
    account.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    said = account.deploy("deploy", str(parameters), *FAST)
    assert said.returncode == 2
    for text in (
        "EnvironmentClass is 'mw1.tiny'; allowed: mw1.small,",
        "no parameter 'MaxWorker'; did you mean MaxWorkers?",
        "foundation: AlertEmail has no value",
        "NodeSubnet is '@PrivateSubnetZ', but no earlier stack has that output",
        "VolumeGiB is 5; allowed: at least 20",
    ):
        assert text in said.stderr, said.stderr


def test_a_name_that_would_be_part_of_another_environment_is_refused(account: Account, parameters: Path) -> None:
    account.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    content = json.loads(parameters.read_text())
    for field in ("environment", "project"):
        wrong = parameters.with_name(f"{field}.json")
        wrong.write_text(json.dumps({**content, field: "prod-eu"}))

        said = account.deploy("deploy", str(wrong), *FAST)

        assert said.returncode == 2
        assert f"{wrong}: {field} is 'prod-eu'. It is 2 to 16 lowercase letters and digits" in said.stderr


def test_unknown_environment_and_no_credentials_are_one_line_each(account: Account) -> None:
    unknown = account.deploy("deploy", "staging")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "Known: dev, prod, prod-cloud, prod-replicated" in unknown.stderr
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        account.environment[name] = ""
    account.environment |= {"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"}
    lost = account.deploy("deploy", "dev")
    assert lost.returncode == 1
    assert "AWS has no credentials here." in lost.stderr
    assert "Traceback" not in lost.stderr


def test_a_version_that_the_package_index_lacks_is_refused_before_any_stack(account: Account) -> None:
    account.packages.holds("26.8.2.7", "26.8.9.4")
    said = account.deploy("deploy", "dev", *FAST)
    assert said.returncode == 2, said.stdout
    assert "has no clickhouse-client 26.8.10.6 for aarch64" in said.stderr
    assert "such as 26.8.2.7, 26.8.9.4" in said.stderr
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []
    # An index that cannot be read from here is not a reason to stop: the machine reads it itself.
    account.environment["MDW_CLICKHOUSE_PACKAGES"] = "http://127.0.0.1:9/"
    dry = account.deploy("deploy", "dev", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "could not be read" in dry.stdout


def test_replicated_variant_deploys_two_data_nodes_a_keeper_and_a_live_reader(account: Account, tmp_path: Path) -> None:
    content = json.loads((PROJECT / "infra/mwaa/parameters/prod-replicated.json").read_text())
    # As docs/aws_deployment.md shows it, and with the cluster's name as its last words say.
    (block,) = re.findall(r"```json\n(.+?)```", (PROJECT / "docs/aws_deployment.md").read_text(), re.DOTALL)
    live = json.loads(block)
    live["parameters"]["Cluster"] = "mdw"
    names = [stack["name"] for stack in content["stacks"]]
    content["stacks"].insert(names.index("secrets") + 1, live)
    parameters = tmp_path / "replicated.json"
    parameters.write_text(json.dumps(content))
    said = account.deploy("deploy", str(parameters), *FAST)
    assert said.returncode == 0, said.stderr
    groups = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert len(groups) == 3
    # Each of Keeper's three voters is in its own zone: losing a zone leaves a majority.
    assert len({group["VPCZoneIdentifier"] for group in groups}) == 3
    alarms = {one["AlarmName"]: one for one in account.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    for node in ("clickhouse-1", "clickhouse-2", "keeper-3"):
        alarm = alarms[f"mdw-prod-{node}-down"]
        assert {"Name": "Node", "Value": node} in alarm["Dimensions"]
        assert f"mdw-prod-{node}-disk" in alarms
    options = account.airflow.environments["mdw-prod"]["AirflowConfigurationOptions"]
    assert options["mdw.cluster"] == "mdw"
    _look_at_the_live_reader(account)
    assert "mdw-prod-live-no-reader" in alarms
    # Switched off: no task. (Moto does not look at a resource's condition again in an update: test_live.py does.)
    live["parameters"]["Readers"] = 0
    parameters.write_text(json.dumps(content))
    off = account.deploy("deploy", str(parameters), *FAST)
    assert off.returncode == 0, off.stderr
    (service,) = account.client("ecs").describe_services(cluster="mdw-prod-live", services=["live"])["services"]
    assert service["desiredCount"] == 0


def _look_at_the_live_reader(account: Account) -> None:
    ecs = account.client("ecs")
    (service,) = ecs.describe_services(cluster="mdw-prod-live", services=["live"])["services"]
    assert service["desiredCount"] == 1
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (container,) = task["containerDefinitions"]
    given = {entry["name"]: entry["value"] for entry in container["environment"]}
    assert given["MDW_CLUSTER"] == "mdw"
    bucket = account.outputs()["CodeBucketName"]
    assert given["MDW_CA_URI"] == f"s3://{bucket}/clickhouse/ca.pem"
    (secret,) = container["secrets"]
    url = account.client("secretsmanager").get_secret_value(SecretId=secret["valueFrom"])["SecretString"]
    assert url.startswith("https://svc_ingest:")
    group = container["logConfiguration"]["options"]["awslogs-group"]
    assert account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 90


def test_clickhouse_cloud_variant_has_an_endpoint_and_no_machine(account: Account) -> None:
    said = account.deploy("deploy", "prod-cloud", *FAST)
    assert said.returncode == 0, said.stderr
    assert account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    (endpoint,) = [
        one
        for one in account.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        if one["ServiceName"].startswith("com.amazonaws.vpce.")
    ]
    assert not endpoint["PrivateDnsEnabled"]
    route53 = account.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    assert zone["Name"].rstrip(".") == "replace-me.ap-northeast-1.vpce.aws.clickhouse.cloud"
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    (alias,) = [one["AliasTarget"]["DNSName"] for one in records if "AliasTarget" in one]
    assert alias.startswith(endpoint["VpcEndpointId"])
    sql = account.deploy("cloud-users", "prod-cloud")
    assert sql.returncode == 0, sql.stderr
    assert "grant current grants on *.* to svc_admin with grant option;" in sql.stdout
    assert sql.stdout.count("identified with sha256_hash by") == 10
    services = [one["ServiceName"] for one in account.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]]
    assert "com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0" in services
    names = {alarm["AlarmName"] for alarm in account.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert "mdw-prod-no-publication" in names
    assert "mdw-prod-clickhouse-disk" not in names
    options = account.airflow.environments["mdw-prod"]["AirflowConfigurationOptions"]
    assert "mdw.ca_certificate_uri" not in options
