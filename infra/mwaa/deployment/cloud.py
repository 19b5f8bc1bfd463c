"""AWS clients of one region, and actionable error messages."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from warehouse.errors import OperationFailed

_LACKS_RIGHT = "The identity lacks this permission: infra/mwaa/README.md lists what a deployment needs."


class Cloud:
    """Clients for one region, created on first use."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._session = boto3.session.Session(region_name=region)
        self._clients: dict[str, Any] = {}

    def __getattr__(self, service: str) -> Any:
        if service.startswith("_"):
            raise AttributeError(service)
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10)
            self._clients[service] = self._session.client(service, config=config)
        return self._clients[service]

    def account(self) -> str:
        """The account id. Raises OperationFailed if the credentials do not work."""
        return str(self.sts.get_caller_identity()["Account"])


def explain(error: Exception, region: str) -> OperationFailed:
    """The message for an error of boto3: what happened, and the next step."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return OperationFailed(
            "AWS has no credentials here. Log in (`aws sso login`, or set AWS_PROFILE) and try again."
        )
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        text = error.response.get("Error", {}).get("Message", "")
        step = {
            "ExpiredToken": "Log in again (`aws sso login`).",
            "AccessDenied": _LACKS_RIGHT,
            "AccessDeniedException": _LACKS_RIGHT,
        }.get(code, "Nothing else was changed; fix the cause and run the same command again.")
        return OperationFailed(f"AWS refused {error.operation_name} in {region}: {code}: {text} {step}")
    if isinstance(error, BotoCoreError):
        return OperationFailed(f"AWS could not be reached in {region}: {error}. Check the network and the region.")
    raise error
