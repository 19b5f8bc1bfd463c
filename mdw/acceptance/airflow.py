"""Airflow's REST API (v2): over HTTP, or through MWAA's own door to it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from warehouse.errors import BadInput, WorldError

_TIMEOUT_SECONDS = 30


class AirflowApi(Protocol):
    """`path` follows /api/v2; raises WorldError where Airflow does not answer or refuses."""

    name: str

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON."""


class HttpAirflow:
    """An Airflow at an address, http://USER:PASSWORD@HOST:PORT; without a user for one that asks for no login."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("--airflow is no http(s) address (not shown: it may hold a password).")
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        self._login = {"username": parts.username, "password": parts.password} if parts.username else None
        self._token: str | None = None
        self.name = f"Airflow at {self._base}"

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON."""
        self._token = self._token or str(self._ask("/auth/token", self._login)["access_token"])
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._ask(f"/api/v2{path}{query}")

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self._base + path, data=data, headers=headers)  # noqa: S310 - see __init__
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310
                return dict(json.load(reply))
        except urllib.error.HTTPError as error:
            raise WorldError(f"{self.name} answers {path} with HTTP {error.code}.") from None
        except (OSError, ValueError) as error:
            raise WorldError(f"{self.name} does not answer: {getattr(error, 'reason', error)}.") from None


class MwaaAirflow:
    """The Airflow of an MWAA environment; `client` is boto3's for mwaa."""

    def __init__(self, client: Any, environment: str) -> None:
        self._client, self._environment = client, environment
        self.name = f"MWAA environment {environment}"

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON."""
        from botocore.exceptions import BotoCoreError, ClientError

        options = {"QueryParameters": dict(parameters)} if parameters else {}
        try:
            answer = self._client.invoke_rest_api(Name=self._environment, Path=path, Method="GET", **options)
        except (BotoCoreError, ClientError) as error:
            raise WorldError(f"{self.name} refuses {path}: {error}.") from None
        return dict(answer["RestApiResponse"])
