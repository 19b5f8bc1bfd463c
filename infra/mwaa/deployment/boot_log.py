"""The boot log of a ClickHouse machine, which outlives the machine in the log group of the base stack."""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import Stack

_LINES = 15


def newest(cloud: Cloud, stack: Stack, values: Mapping[str, str]) -> list[str]:
    """The last lines of the boot log of the stack's machine, oldest first.

    Empty for a stack without such a machine, or if the log cannot be read: then the stack's own reasons must do.
    """
    if "ClickHouseLogGroup" not in values or "NodeName" not in stack.template.parameters:
        return []
    node = values.get("NodeName") or stack.template.parameters["NodeName"].default
    try:
        events = cloud.logs.get_log_events(
            logGroupName=values["ClickHouseLogGroup"], logStreamName=f"{node}/boot", limit=_LINES, startFromHead=False
        )["events"]
    except (ClientError, BotoCoreError):
        return []
    return [str(event["message"]).rstrip() for event in events]
