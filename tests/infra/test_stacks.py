"""What one stack goes through, against answers of CloudFormation that moto never gives; botocore's models check each
request."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from infra.mwaa.deployment import plan
from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.stacks import Stacks
from warehouse.errors import OperationFailed

NAME = "mdw-dev-node"
GROUP = "/mdw/dev/clickhouse"
SET = {"ChangeSetName": ANY, "StackName": NAME}


def described(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackStatus": status, "CreationTime": "2026-11-28T00:00:00Z"}]}


class Answers:
    """CloudFormation and CloudWatch with predefined responses, and the output of deploy.py."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        loaded = plan.load("dev")
        self.stack = next(one for one in loaded.stacks if one.name == "node")
        cloud = Cloud(loaded.region)
        self.said: list[str] = []
        self.stacks = Stacks(cloud, loaded, self.said.append, 0)
        self.cloudformation, self.logs = Stubber(cloud.cloudformation), Stubber(cloud.logs)
        self.values = {"Environment": "dev", "NodeName": "clickhouse", "ClickHouseLogGroup": GROUP}

    def state(self, status: str | None) -> None:
        if status is None:
            self.cloudformation.add_client_error(
                "describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist"
            )
        else:
            self.cloudformation.add_response("describe_stacks", described(status), {"StackName": NAME})

    def change(self, kind: str, **execution: bool) -> None:
        self.cloudformation.add_response(
            "create_change_set",
            {},
            {**SET, "ChangeSetType": kind, "TemplateBody": ANY, "Parameters": ANY, "Capabilities": ANY, "Tags": ANY},
        )
        self.cloudformation.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"}, SET)
        self.cloudformation.add_response("describe_change_set", {"Status": "CREATE_COMPLETE", "Changes": []}, SET)
        self.cloudformation.add_response("execute_change_set", {}, {**SET, **execution})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    answers = Answers(monkeypatch)
    with answers.cloudformation, answers.logs:
        yield answers
        answers.cloudformation.assert_no_pending_responses()
        answers.logs.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("kept", "after", "kind", "done"),
    [
        # RollbackStack deletes a stack that was never complete (documented); others return to their last good state.
        pytest.param("CREATE_FAILED", None, "CREATE", "CREATE_COMPLETE", id="a creation"),
        pytest.param("UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE", "UPDATE_COMPLETE", id="an update"),
    ],
)
def test_a_stack_kept_by_no_rollback_is_rolled_back_before_the_next_change(
    aws: Answers, kept: str, after: str | None, kind: str, done: str
) -> None:
    aws.state(kept)
    aws.cloudformation.add_response("rollback_stack", {}, {"StackName": NAME, "RetainExceptOnCreate": True})
    aws.state("ROLLBACK_IN_PROGRESS")
    aws.state(after)
    aws.state(after)
    aws.change(kind)
    aws.state(done)
    aws.state(done)
    assert aws.stacks.apply(aws.stack, aws.values) == {}
    assert aws.said[0] == f"{NAME}: taking back what `--no-rollback` had kept"


def test_a_failed_boot_is_reported_with_the_last_lines_of_its_log(aws: Answers) -> None:
    aws.stacks.roll_back = False
    aws.state(None)
    aws.change("CREATE", DisableRollback=True)
    aws.state("CREATE_FAILED")
    line = "2026-11-28T14:07:19Z volume.sh: FAILED: line 40: xfs_growfs returned 1"
    aws.logs.add_response(
        "get_log_events",
        {"events": [{"timestamp": 1, "message": f"{line}\n"}]},
        {"logGroupName": GROUP, "logStreamName": "clickhouse/boot", "limit": 15, "startFromHead": False},
    )
    reason = f"WaitCondition received failed message: '{line}' for uniqueId: i-0"
    event = {
        "StackId": "s",
        "EventId": "e",
        "StackName": NAME,
        "Timestamp": "2026-11-28T00:00:00Z",
        "LogicalResourceId": "Booted",
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": reason,
    }
    aws.cloudformation.add_response("describe_stack_events", {"StackEvents": [event]}, {"StackName": NAME})
    with pytest.raises(OperationFailed) as stopped:
        aws.stacks.apply(aws.stack, aws.values)
    assert f"Booted: {reason}" in str(stopped.value)
    assert aws.said[-1] == f"{NAME}: boot: {line}"
