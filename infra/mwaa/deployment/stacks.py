"""Creates and updates stacks with change sets, waits for them, and reports why one failed."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.mwaa.deployment import boot_log
from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import Plan, Stack
from warehouse.errors import OperationFailed

Say = Callable[[str], None]
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """One line of a change set."""

    action: str
    logical_id: str
    kind: str
    replacement: bool

    def __str__(self) -> str:
        return f"{self.action:<7} {self.kind} {self.logical_id}{'  REPLACED' if self.replacement else ''}"


class Stacks:
    """The stacks of one plan in AWS. `poll` is the polling interval in seconds."""

    def __init__(self, cloud: Cloud, plan: Plan, say: Say, poll: float = 10.0) -> None:
        self.cloud, self.plan, self.say, self.poll = cloud, plan, say, poll
        # False keeps what a failed creation or update made, for inspection; the next deployment continues from there.
        self.roll_back = True

    def describe(self, name: str) -> dict[str, Any] | None:
        """The stack, or None if it does not exist."""
        try:
            found: dict[str, Any] = self.cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack; empty if it does not exist."""
        found = self.describe(name) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """The values that a stack was last deployed with."""
        found = self.describe(name) or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", [])}

    def preview(self, stack: Stack, values: dict[str, str]) -> list[str]:
        """The changes that `apply` would make, one per line; changes nothing."""
        name = self.plan.stack_name(stack)
        missing = [key for key in stack.template.parameters if key not in values and _needed(stack, key)]
        if self.describe(name) is None or missing:
            return [str(Change("Add", logical, kind, False)) for logical, kind in stack.template.resources.items()]
        change_set = self._change_set(stack, values, "UPDATE")
        if change_set is None:
            return []
        changes = [str(change) for change in self._changes(name, change_set)]
        self.cloud.cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
        before = self.parameters(name)
        given = [f"set {key}: {before.get(key)} -> {new}" for key, new in values.items() if before.get(key) != new]
        return given + changes or ["change outputs or tags only"]

    def apply(self, stack: Stack, values: dict[str, str]) -> dict[str, str]:
        """Create or update the stack and return its outputs.

        Raises OperationFailed with AWS's first reasons; CloudFormation has then rolled back by itself.
        """
        name = self.plan.stack_name(stack)
        found = self.describe(name)
        if found and found["StackStatus"] in ("CREATE_FAILED", "UPDATE_FAILED"):
            self.say(f"{name}: taking back what `--no-rollback` had kept")
            self.cloud.cloudformation.rollback_stack(StackName=name, RetainExceptOnCreate=True)
            self._wait(name)
            found = self.describe(name)
        if found and found["StackStatus"] in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_FAILED"):
            # A failed first creation leaves an empty stack that can only be deleted.
            self.say(f"{name}: clearing away a creation that never finished")
            self.cloud.cloudformation.delete_stack(StackName=name)
            self._wait(name)
            found = None
        if found and found["StackStatus"].endswith("_IN_PROGRESS"):
            raise OperationFailed(
                f"{name} is {found['StackStatus']}: another deployment is running. Wait for it, then try again."
            )
        change_set = self._change_set(stack, values, "UPDATE" if found else "CREATE")
        if change_set is None:
            self.say(f"{name}: nothing to change")
            return self.outputs(name)
        for change in self._changes(name, change_set):
            self.say(f"{name}: {change}")
        keep = {} if self.roll_back else {"DisableRollback": True}
        self.cloud.cloudformation.execute_change_set(StackName=name, ChangeSetName=change_set, **keep)
        status = self._wait(name)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            for line in boot_log.newest(self.cloud, stack, values):
                self.say(f"{name}: boot: {line}")
            raise OperationFailed(f"{name} ended as {status}: {self._reasons(name)}. Fix the cause and deploy again.")
        self.say(f"{name}: {status}")
        return self.outputs(name)

    def _change_set(self, stack: Stack, values: dict[str, str], kind: str) -> str | None:
        name = self.plan.stack_name(stack)
        change_set = f"deploy-{time.time_ns()}"
        try:
            self.cloud.cloudformation.create_change_set(
                StackName=name,
                ChangeSetName=change_set,
                ChangeSetType=kind,
                TemplateBody=stack.template.text,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(values.items())],
                Capabilities=["CAPABILITY_IAM"],
                Tags=[
                    {"Key": "Project", "Value": self.plan.project},
                    {"Key": "Environment", "Value": self.plan.environment},
                    {"Key": "Deployment", "Value": f"{self.plan.project}-{self.plan.environment}"},
                ],
            )
        except ClientError as error:
            if any(text in str(error) for text in _NOTHING):
                return None
            raise
        while True:
            found = self.cloud.cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
            if found["Status"] == "CREATE_COMPLETE":
                return change_set
            if found["Status"] == "FAILED":
                with contextlib.suppress(ClientError):
                    self.cloud.cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
                reason = found.get("StatusReason", "")
                if any(text in reason for text in _NOTHING):
                    return None
                raise OperationFailed(
                    f"{name}: AWS refused the change: {reason}. Correct the template or the parameters."
                )
            time.sleep(self.poll)

    def _changes(self, name: str, change_set: str) -> list[Change]:
        changes: list[Change] = []
        more: dict[str, str] = {}
        while True:
            page = self.cloud.cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set, **more)
            for entry in page.get("Changes", []):
                body = entry["ResourceChange"]
                replaced = body.get("Replacement") == "True"
                changes.append(Change(body["Action"], body["LogicalResourceId"], body["ResourceType"], replaced))
            if not page.get("NextToken"):
                return changes
            more = {"NextToken": page["NextToken"]}

    def _wait(self, name: str) -> str:
        while True:
            found = self.describe(name)
            if found is None:
                return "DELETE_COMPLETE"
            status = str(found["StackStatus"])
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            time.sleep(self.poll)

    def _reasons(self, name: str) -> str:
        events = self.cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [event for event in events if str(event.get("ResourceStatus", "")).endswith("FAILED")]
        # Newest first: the oldest failure is the cause, the rest follow from it.
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in reversed(failed)
        ]
        return "; ".join(reasons[:3]) or "no reason given, see the stack's events"


def _needed(stack: Stack, key: str) -> bool:
    return stack.template.parameters[key].default is None
