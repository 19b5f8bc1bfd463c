"""Where alerts go: an SNS topic, a Slack-compatible webhook, and always the log."""

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

_log = logging.getLogger("mdw.alerting")
_TIMEOUT_SECONDS = 15


class Channel(Protocol):
    """Takes a message or raises OperationFailed, whose text holds no secret."""

    name: str

    def send(self, title: str, text: str) -> None:
        """Deliver one message."""


class Log:
    """The log of this process."""

    name = "log"

    def send(self, title: str, text: str) -> None:
        """One record."""
        _log.error("ALERT %s: %s", title, text.replace("\n", " | "))


class Sns:
    """An SNS topic; region from its ARN, credentials as boto3 finds them."""

    name = "sns"

    def __init__(self, topic: str) -> None:
        if topic.count(":") < 5:
            raise BadInput(
                f"MDW_ALERT_SNS_TOPIC is {topic!r}, which is no ARN such as arn:aws:sns:eu-central-1:123456789012:mdw."
            )
        self._topic = topic

    def send(self, title: str, text: str) -> None:
        """Publish; SNS takes subjects of up to 100 characters of ASCII."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        subject = title.encode("ascii", "replace").decode()[:100]
        try:
            client = boto3.client("sns", region_name=self._topic.split(":")[3])
            client.publish(TopicArn=self._topic, Subject=subject, Message=f"{title}\n{text}")
        except (BotoCoreError, ClientError) as error:
            raise OperationFailed(f"SNS did not take the alert: {error}") from None


class Webhook:
    """A Slack-compatible webhook. Its URL is a secret: no message of ours holds more than its host."""

    name = "webhook"

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("MDW_ALERT_WEBHOOK_URL is no http(s) address (not shown: it is a secret).")
        self._host = parts.hostname

    def send(self, title: str, text: str) -> None:
        """Post {"text": …}."""
        request = urllib.request.Request(  # noqa: S310 - http and https only, see __init__
            self._url.get_secret_value(),
            data=json.dumps({"text": f"*{title}*\n{text}"}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code}"
        except (urllib.error.URLError, OSError) as error:
            reason = str(getattr(error, "reason", error))
        raise OperationFailed(f"The webhook at {self._host} did not take the alert: {reason}")


def channels(settings: Settings) -> Sequence[Channel]:
    """The channels that are configured, the log first. Raises BadInput for an address that cannot be."""
    found: list[Channel] = [Log()]
    if settings.alert_sns_topic:
        found.append(Sns(settings.alert_sns_topic))
    if settings.alert_webhook_url:
        found.append(Webhook(settings.alert_webhook_url))
    return found
