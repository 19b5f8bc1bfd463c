"""Airflow's REST API (v2): over HTTP, or through MWAA's InvokeRestApi, which limits path lengths and has no logs."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from mdw import outbound
from warehouse.errors import BadInput, OperationFailed

_TIMEOUT_SECONDS = 30
_MAX_BYTES = 64_000_000


class AirflowApi(Protocol):
    """`path` is relative to /api/v2; raises OperationFailed if Airflow does not answer or refuses."""

    name: str

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The response's JSON."""

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The response's JSON."""

    def log_lines(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> int:
        """Number of lines in the log of one try of a task; 0 if there is no log."""


class HttpAirflow:
    """An Airflow at http://USER:PASSWORD@HOST:PORT; without a user if it requires no login."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                "--airflow is not an http(s) address (not shown: it may contain a password). "
                "Write http://USER:PASSWORD@HOST:PORT."
            )
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        self._login = {"username": parts.username, "password": parts.password} if parts.username else None
        self._token: str | None = None
        self.name = f"Airflow at {self._base}"

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The response's JSON."""
        self._token = self._token or str(self._send("/auth/token", self._login)["access_token"])
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._send(f"/api/v2{path}{query}")

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The response's JSON."""
        self._token = self._token or str(self._send("/auth/token", self._login)["access_token"])
        return self._send(f"/api/v2{path}", body)

    def log_lines(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> int:
        """Number of lines in the log of one try of a task."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/logs/{try_number}"
        content = self.get(path, {"full_content": "true"}).get("content") or []
        return len(content) if isinstance(content, list) else len(str(content).splitlines())

    def _send(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self._base + path, data=data, headers=headers)  # noqa: S310 - see __init__
        try:
            return dict(json.loads(outbound.fetch(request, _TIMEOUT_SECONDS, _MAX_BYTES)))
        except urllib.error.HTTPError as error:
            raise OperationFailed(f"{self.name} answered {path} with HTTP {error.code}.") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error))[:200]
            raise OperationFailed(f"{self.name} does not answer: {reason}.") from None


class MwaaAirflow:
    """The Airflow of an MWAA environment; `mwaa` and `logs` are boto3 clients."""

    def __init__(self, mwaa: Any, logs: Any, environment: str) -> None:
        self._mwaa, self._logs, self._environment = mwaa, logs, environment
        self.name = f"MWAA environment {environment}"

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The response's JSON."""
        return self._invoke("GET", path, **({"QueryParameters": dict(parameters)} if parameters else {}))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The response's JSON."""
        return self._invoke("POST", path, Body=dict(body))

    def log_lines(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> int:
        """Number of lines in CloudWatch, where MWAA writes one log stream per try of a task."""
        from botocore.exceptions import BotoCoreError, ClientError

        # Named as in aws/amazon-mwaa-docker-images: Airflow's log path with : replaced by _.
        stream = f"dag_id={dag_id}/run_id={run_id}/task_id={task_id}/attempt={try_number}.log".replace(":", "_")
        try:
            answer = self._logs.get_log_events(
                logGroupName=f"airflow-{self._environment}-Task", logStreamName=stream, startFromHead=True
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return 0
        except (BotoCoreError, ClientError) as error:
            raise OperationFailed(f"CloudWatch refused the log {stream}: {error}.") from None
        return len(answer["events"])

    def _invoke(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        # boto3 knows the limit but does not check it; the service does.
        limit = (
            self._mwaa.meta.service_model.operation_model("InvokeRestApi").input_shape.members["Path"].metadata["max"]
        )
        if len(path) > limit:
            raise OperationFailed(f"{self.name} accepts paths of up to {limit} characters; {path} has {len(path)}.")
        try:
            answer = self._mwaa.invoke_rest_api(Name=self._environment, Path=path, Method=method, **options)
        except (BotoCoreError, ClientError) as error:
            raise OperationFailed(f"{self.name} refused {path}: {error}.") from None
        return dict(answer["RestApiResponse"])
