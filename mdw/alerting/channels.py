"""Where alerts go: an SNS topic, a Slack-compatible webhook, and always the log."""

import http.client
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from mdw import outbound
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

_log = logging.getLogger("mdw.alerting")
_TIMEOUT_SECONDS = 15
# Slack truncates texts after 40,000 characters, and SNS refuses messages of more than 256 KB.
_MAX_CHARACTERS = 30_000


class Channel(Protocol):
    """Delivers a message or raises OperationFailed, whose text contains no secret."""

    name: str

    def send(self, title: str, text: str) -> None:
        """Deliver one message."""


class Log:
    """Writes to the log of this process."""

    name = "log"

    def send(self, title: str, text: str) -> None:
        """Write one record."""
        _log.error("ALERT %s: %s", title, text.replace("\n", " | "))


class Sns:
    """An SNS topic; region from its ARN, credentials as boto3 finds them."""

    name = "sns"

    def __init__(self, topic: str) -> None:
        if topic.count(":") < 5:
            raise BadInput(
                f"MDW_ALERT_SNS_TOPIC is {topic!r}, not an ARN such as arn:aws:sns:eu-central-1:123456789012:mdw."
            )
        self._topic = topic

    def send(self, title: str, text: str) -> None:
        """Publish; SNS subjects are one line of up to 100 ASCII characters."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        subject = " ".join(title.split()).encode("ascii", "replace").decode()[:100]
        try:
            client = boto3.client("sns", region_name=self._topic.split(":")[3])
            client.publish(TopicArn=self._topic, Subject=subject, Message=_cut(f"{title}\n{text}"))
        except (BotoCoreError, ClientError) as error:
            raise OperationFailed(f"SNS did not accept the alert: {error}") from None


class Webhook:
    """A Slack-compatible webhook. Its URL is a secret: messages show only its host."""

    name = "webhook"

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("MDW_ALERT_WEBHOOK_URL is not an http(s) address (not shown: it is a secret).")
        self._host = parts.hostname

    def send(self, title: str, text: str) -> None:
        """Post {"text": …}. Redirects are not followed: a redirected message counts as not delivered."""
        request = urllib.request.Request(  # noqa: S310 - http and https only, see __init__
            self._url.get_secret_value(),
            data=json.dumps({"text": _cut(f"*{title}*\n{text}")}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            outbound.fetch(request, _TIMEOUT_SECONDS)
            return
        except urllib.error.HTTPError as error:
            redirected = " (a redirect, which is not followed)" if 300 <= error.code < 400 else ""
            reason = f"HTTP {error.code}{redirected}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error))[:200]
        raise OperationFailed(f"The webhook at {self._host} did not accept the alert: {reason}")


def _cut(message: str) -> str:
    """The message, shortened to what every channel accepts."""
    if len(message) <= _MAX_CHARACTERS:
        return message
    return f"{message[:_MAX_CHARACTERS]}\n… ({len(message) - _MAX_CHARACTERS:,} more characters: `mdw audit --last`)"


def channels(settings: Settings) -> Sequence[Channel]:
    """The configured channels, the log first. Raises BadInput for an invalid address."""
    found: list[Channel] = [Log()]
    if settings.alert_sns_topic:
        found.append(Sns(settings.alert_sns_topic))
    if settings.alert_webhook_url:
        found.append(Webhook(settings.alert_webhook_url))
    return found
