"""Resource types that moto's CloudFormation lacks, made through AWS's own API, so that botocore checks each property
against the service's model. Importing this module registers them with moto."""

import json
import re
from typing import Any

import boto3
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

# Moto ignores these, so that no Ref or Sub of them is resolved; they are created below.
parsing.NULL_MODELS = [
    name for name in parsing.NULL_MODELS if not name.startswith("AWS::CloudFormation::WaitCondition")
]
_RESOLVE = re.compile(r"\{\{resolve:secretsmanager:(.+?):SecretString:(\w+)\}\}")


class _Made(CloudFormationModel):
    """A resource of which the stack keeps only the physical id."""

    type_name = ""
    name_property = ""

    def __init__(self, physical_id: str, attributes: dict[str, str] | None = None) -> None:
        self._id, self._attributes = physical_id, attributes or {}

    @property
    def physical_resource_id(self) -> str:
        return self._id

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self._attributes[attribute_name]

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> "_Made":
        raise NotImplementedError

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override]
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "_Made":
        return cls.make(resource_name, cloudformation_json.get("Properties", {}), region_name)

    @classmethod
    def update_from_cloudformation_json(  # type: ignore[override]
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> "_Made":
        return cls.make(original_resource.physical_resource_id, cloudformation_json["Properties"], region_name)

    @classmethod
    def delete_from_cloudformation_json(  # type: ignore[override]
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        return None

    def is_created(self) -> bool:
        return True


def _names(cls: type[_Made]) -> None:
    cls.cloudformation_name_type = staticmethod(lambda: cls.name_property)  # type: ignore[method-assign,assignment]
    cls.cloudformation_type = staticmethod(lambda: cls.type_name)  # type: ignore[method-assign,assignment]


def _register(base: type[_Made]) -> type[CloudFormationModel]:
    """Moto considers only direct subclasses."""
    body = {key: value for key, value in vars(_Made).items() if key not in ("__dict__", "__weakref__")}
    body |= {key: value for key, value in vars(base).items() if key not in ("__dict__", "__weakref__")}
    made = type(base.__name__, (CloudFormationModel,), body)
    _names(made)  # type: ignore[arg-type]
    return made


@_register
class BucketPolicy(_Made):
    type_name = "AWS::S3::BucketPolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        document = json.dumps(properties["PolicyDocument"])
        boto3.client("s3", region_name=region).put_bucket_policy(Bucket=properties["Bucket"], Policy=document)
        return cls(f"{properties['Bucket']}-policy")


@_register
class WaitConditionHandle(_Made):
    """Its id is a signed URL, as in AWS, with & and %, which a shell must not interpret."""

    type_name = "AWS::CloudFormation::WaitConditionHandle"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        place = f"cloudformation-waitcondition-{region}.s3.{region}.amazonaws.com"
        return cls(f"https://{place}/{name}?X-Amz-Date=20261128&X-Amz-Signature=a%2Bb")


@_register
class WaitCondition(_Made):
    """No machine boots here, so nothing signals: it is complete at once."""

    type_name = "AWS::CloudFormation::WaitCondition"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        assert properties["Handle"].startswith("https://cloudformation-waitcondition-")
        return cls(name)


@_register
class TopicPolicy(_Made):
    type_name = "AWS::SNS::TopicPolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        sns = boto3.client("sns", region_name=region)
        for topic in properties["Topics"]:
            value = json.dumps(properties["PolicyDocument"])
            sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=value)
        return cls(name)


@_register
class Subscription(_Made):
    type_name = "AWS::SNS::Subscription"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        answer = boto3.client("sns", region_name=region).subscribe(**properties, ReturnSubscriptionArn=True)
        return cls(answer["SubscriptionArn"])


@_register
class Budget(_Made):
    type_name = "AWS::Budgets::Budget"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        budgets = boto3.client("budgets", region_name=region)
        budget = properties["Budget"]
        budget["BudgetLimit"]["Amount"] = str(budget["BudgetLimit"]["Amount"])
        account = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
        budgets.create_budget(AccountId=account, Budget=budget)
        for entry in properties["NotificationsWithSubscribers"]:
            notification = {**entry["Notification"], "Threshold": float(entry["Notification"]["Threshold"])}
            budgets.create_notification(
                AccountId=account,
                BudgetName=budget["BudgetName"],
                Notification=notification,
                Subscribers=entry["Subscribers"],
            )
        return cls(budget["BudgetName"])


@_register
class Secret(_Made):
    type_name = "AWS::SecretsManager::Secret"
    name_property = "Name"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        client = boto3.client("secretsmanager", region_name=region)
        if name.startswith("arn:"):
            client.update_secret(SecretId=name, Description=properties["Description"])
            return cls(name)
        if "GenerateSecretString" in properties:
            generate = properties["GenerateSecretString"]
            password = client.get_random_password(
                PasswordLength=int(generate["PasswordLength"]), ExcludePunctuation=bool(generate["ExcludePunctuation"])
            )["RandomPassword"]
            content = {**json.loads(generate["SecretStringTemplate"]), generate["GenerateStringKey"]: password}
            value = json.dumps(content)
        else:
            value = _RESOLVE.sub(lambda found: cls.resolve(client, *found.groups()), properties["SecretString"])
        answer = client.create_secret(
            Name=properties["Name"],
            Description=properties["Description"],
            KmsKeyId=properties["KmsKeyId"],
            SecretString=value,
        )
        return cls(answer["ARN"])

    @staticmethod
    def resolve(client: Any, secret: str, field: str) -> str:
        return str(json.loads(client.get_secret_value(SecretId=secret)["SecretString"])[field])


@_register
class Alarm(_Made):
    type_name = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        for number in ("Period", "EvaluationPeriods", "DatapointsToAlarm"):
            if number in properties:
                properties[number] = int(properties[number])
        for metric in properties.get("Metrics", []):
            metric["ReturnData"] = str(metric["ReturnData"]).lower() == "true"
            if "MetricStat" in metric:
                metric["MetricStat"]["Period"] = int(metric["MetricStat"]["Period"])
        properties["Threshold"] = float(properties["Threshold"])
        boto3.client("cloudwatch", region_name=region).put_metric_alarm(**properties)
        return cls(properties["AlarmName"])


@_register
class Egress(_Made):
    type_name = "AWS::EC2::SecurityGroupEgress"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        pair = {"GroupId": properties["DestinationSecurityGroupId"], "Description": properties["Description"]}
        permission: dict[str, Any] = {"IpProtocol": properties["IpProtocol"], "UserIdGroupPairs": [pair]}
        for port in ("FromPort", "ToPort"):
            if port in properties:
                permission[port] = int(properties[port])
        client = boto3.client("ec2", region_name=region)
        client.authorize_security_group_egress(GroupId=properties["GroupId"], IpPermissions=[permission])
        return cls(name)


@_register
class Airflow(_Made):
    """Sent to the MWAA of the test (airflow_service.py), through botocore's model of CreateEnvironment."""

    type_name = "AWS::MWAA::Environment"
    name_property = "Name"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        client = boto3.client("mwaa", region_name=region)
        for number in ("MinWorkers", "MaxWorkers", "Schedulers"):
            properties[number] = int(properties[number])
        for logs in properties["LoggingConfiguration"].values():
            logs["Enabled"] = str(logs["Enabled"]).lower() == "true"
        known = client.list_environments()["Environments"]
        if properties["Name"] in known:
            update = {key: value for key, value in properties.items() if key not in ("KmsKey", "Tags")}
            update["NetworkConfiguration"] = {
                "SecurityGroupIds": properties["NetworkConfiguration"]["SecurityGroupIds"]
            }
            client.update_environment(**update)
        else:
            # CloudFormation keeps it for updates.
            properties.pop("WorkerReplacementStrategy", None)
            client.create_environment(**properties)
        return cls(properties["Name"], {"WebserverUrl": f"{properties['Name']}.airflow.example"})


def _patch_endpoint_names() -> None:
    """Moto's endpoint does not return its DNS names as ZONE:NAME."""
    from moto.ec2.models.vpcs import VPCEndPoint

    def attribute(self: Any, attribute_name: str) -> Any:
        if attribute_name == "DnsEntries":
            return [f"Z2E726K9Y6RL4W:{self.id}-0a.vpce.amazonaws.com"]
        raise KeyError(attribute_name)

    VPCEndPoint.has_cfn_attr = classmethod(lambda cls, attr: attr == "DnsEntries")  # type: ignore[assignment,method-assign]
    VPCEndPoint.get_cfn_attribute = attribute  # type: ignore[attr-defined,method-assign]


_patch_endpoint_names()


def _patch_key_tags() -> None:
    """Moto hands a template's tags (Key, Value) to KMS, whose API calls them TagKey and TagValue."""
    from moto.kms.models import Key

    original = Key.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create(cls: type, name: str, body: Any, account_id: str, region_name: str, **kwargs: Any) -> Any:
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in body["Properties"].pop("Tags", [])]
        made = original(cls, name, body, account_id, region_name, **kwargs)
        boto3.client("kms", region_name=region_name).tag_resource(KeyId=made.id, Tags=tags)
        return made

    Key.create_from_cloudformation_json = classmethod(create)  # type: ignore[arg-type,assignment,method-assign]


_patch_key_tags()


def _patch_change_sets() -> None:
    """Moto's change sets make resources but neither conditions nor outputs, and keep the old parameters: let them do
    what its create_stack and update_stack do. A refusal rolls the stack back, as CloudFormation would."""
    from botocore.exceptions import ClientError
    from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack

    def apply(self: Any) -> None:
        stack: Stack = self.stack
        if self.change_set_type == "UPDATE":
            stack.update(self.template, parameters=self.parameters)
            return
        stack.template, stack.parameters = self.template, self.parameters
        stack._parse_template()
        stack.resource_map = stack._create_resource_map()
        stack.create_resources()
        stack.output_map = stack._create_output_map()

    def execute(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        try:
            original(self, change_set_name, stack_name)
        except ClientError as error:
            stack = self.describe_change_set(change_set_name).stack
            kind = self.describe_change_set(change_set_name).change_set_type
            stack.status = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            stack._add_stack_event(f"{kind}_FAILED", resource_status_reason=str(error))

    original = CloudFormationBackend.execute_change_set
    ChangeSet.apply = apply  # type: ignore[method-assign]
    CloudFormationBackend.execute_change_set = execute  # type: ignore[method-assign]


_patch_change_sets()


def _patch_bucket_policies() -> None:
    """Moto ignores a policy's conditions, so a refusal of plain http would refuse everything."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    FakeBucket.get_permission = lambda self, action, resource: PermissionResult.PERMITTED  # type: ignore[method-assign]


_patch_bucket_policies()


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "NoncurrentVersionExpiration" in rule:
        days = int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    for step in rule.get("Transitions", []):
        made["Transitions"] = [{"Days": int(step["TransitionInDays"]), "StorageClass": step["StorageClass"]}]
    return made


def _booleans(values: dict[str, Any]) -> dict[str, bool]:
    return {name: str(value).lower() == "true" for name, value in values.items()}


def _patch_buckets() -> None:
    """Moto's bucket takes little more than its name from a template: the rest is set through S3's API."""
    from moto.s3.models import FakeBucket

    original = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create(cls: type, name: str, body: Any, account_id: str, region_name: str, **kwargs: Any) -> Any:
        properties = body["Properties"]
        made = original(cls, name, {"Properties": {}}, account_id, region_name, **kwargs)
        s3 = boto3.client("s3", region_name=region_name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
        block = _booleans(properties["PublicAccessBlockConfiguration"])
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
        rule = dict(properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0])
        rule["ApplyServerSideEncryptionByDefault"] = rule.pop("ServerSideEncryptionByDefault")
        rule["BucketKeyEnabled"] = str(rule.get("BucketKeyEnabled")).lower() == "true"
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
        rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        if "LoggingConfiguration" in properties:
            made.logging = {
                "TargetBucket": properties["LoggingConfiguration"]["DestinationBucketName"],
                "TargetPrefix": properties["LoggingConfiguration"]["LogFilePrefix"],
            }
        return made

    FakeBucket.create_from_cloudformation_json = classmethod(create)  # type: ignore[arg-type,assignment,method-assign]


_patch_buckets()
