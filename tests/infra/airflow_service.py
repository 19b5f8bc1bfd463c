"""A small MWAA on loopback: moto has none. It keeps what it is given and answers as the real service does; DAG import
errors can be switched on to make a smoke test fail."""

import json
import re
from typing import Any

import boto3
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from infra.mwaa.deployment import smoke
from tests.acceptance.airflow_api import Runs


class AirflowService:
    """Serves until closed; `environments` has what was created, by name."""

    def __init__(self) -> None:
        self.environments: dict[str, dict[str, Any]] = {}
        self.import_errors: list[dict[str, str]] = []
        self.pools: dict[str, dict[str, Any]] = {"default_pool": {"name": "default_pool", "slots": 128}}
        self.runs = Runs()
        self.refuse: str | None = None
        self.dags = list(smoke.DAGS)
        self._server = HTTPServer()
        self._server.expect_request(re.compile(".*")).respond_with_handler(self._answer)
        self._server.start()
        self.url = self._server.url_for("")

    def close(self) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        body, status = self.handle(request.method, request.path, request.get_json(silent=True) or {})
        response = Response(json.dumps(body), status, content_type="application/json")
        if status != 200:
            response.headers["x-amzn-ErrorType"] = str(body["__type"])
        return response

    def _refuses(self, path: str) -> bool:
        """Enforces, as the service does but boto3 does not, the limits that InvokeRestApi's model sets for a path."""
        model = boto3.client("mwaa", region_name="ap-northeast-1").meta.service_model.operation_model("InvokeRestApi")
        return len(path) > model.input_shape.members["Path"].metadata["max"]

    def handle(self, method: str, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        name = path.rpartition("/")[2]
        if path.startswith("/restapi/") and self._refuses(body["Path"]):
            return {"__type": "ValidationException", "message": "Path is longer than 64 characters"}, 400
        if path.startswith("/restapi/"):
            return self._rest_api(body), 200
        if path == "/environments":
            return {"Environments": sorted(self.environments)}, 200
        if method == "GET":
            if name not in self.environments:
                return {"__type": "ResourceNotFoundException", "message": f"{name} does not exist"}, 404
            return {"Environment": self.environments[name]}, 200
        if self.refuse:
            return {"__type": "ValidationException", "message": self.refuse}, 400
        kept = self.environments.setdefault(name, {"Name": name})
        kept |= body
        kept["Status"] = "AVAILABLE"
        return {"Arn": f"arn:aws:airflow:ap-northeast-1:123456789012:environment/{name}"}, 200

    def _rest_api(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["Path"] == "/pools":
            if body["Method"] == "POST":
                self.pools[body["Body"]["name"]] = body["Body"]
            return {"RestApiStatusCode": 200, "RestApiResponse": {"pools": list(self.pools.values())}}
        listings = {
            "/importErrors": {"import_errors": self.import_errors, "total_entries": len(self.import_errors)},
            "/dags": {"dags": [{"dag_id": name} for name in self.dags], "total_entries": len(self.dags)},
        }
        content = listings.get(body["Path"]) or self.runs.answer(body["Path"])
        return {"RestApiStatusCode": 200, "RestApiResponse": content}
