"""The operator machine: starts it, stops it, and shows how to reach it."""

from collections.abc import Iterator

from infra.mwaa.deployment.run import Deployment
from warehouse.errors import BadInput, OperationFailed

ACTIONS = ("start", "stop", "status")


def operate(deployment: Deployment, action: str) -> Iterator[str]:
    """Carry out `action` and yield lines for the user.

    Raises BadInput for an unknown action, OperationFailed if the machine was never deployed.
    """
    if action not in ACTIONS:
        raise BadInput(f"action is {action!r}; allowed: {', '.join(ACTIONS)}.")
    instance = deployment.outputs().get("OperatorInstanceId")
    if instance is None:
        raise OperationFailed("There is no operator machine: deploy the stack operator.")
    ec2 = deployment.cloud.ec2
    if action == "start":
        ec2.start_instances(InstanceIds=[instance])
        yield f"{instance} starts; it powers off by itself after the hours of HoursUp"
        yield f"aws ssm start-session --region {deployment.plan.region} --target {instance}"
    elif action == "stop":
        ec2.stop_instances(InstanceIds=[instance])
        yield f"{instance} stops"
    else:
        found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        yield f"{instance} is {found['State']['Name']}"
