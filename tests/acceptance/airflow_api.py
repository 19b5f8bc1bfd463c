"""An Airflow that responds like version 3's REST API, with runs defined by a test."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


@dataclass
class Runs:
    """Its state: scheduled runs by state, newest first."""

    states: list[str] = field(default_factory=lambda: ["success", "failed", "success"])
    paused: bool = False
    log: list[str] = field(default_factory=lambda: ["mdw build", "published"])
    ill: str = ""
    alert_run: str = "success"
    born: datetime = field(default_factory=lambda: datetime.now(UTC))

    def answer(self, path: str) -> dict[str, Any] | None:
        """The response to GET `path` (after /api/v2); None if it does not exist."""
        if path == "/monitor/health":
            return {
                part: {"status": "unhealthy" if part == self.ill else "healthy"}
                for part in ("metadatabase", "scheduler")
            }
        if path == "/dags/market_data_update":
            return {"is_paused": self.paused, "timetable_summary": "*/15 * * * *"}
        if path == "/dags/market_data_update/dagRuns":
            return {"dag_runs": [self._run(number, state) for number, state in enumerate(self.states)]}
        if path == "/dags/market_data_update/dagRuns/~/taskInstances":
            names = [self._run(number, state)["dag_run_id"] for number, state in enumerate(self.states)]
            tasks = ("land_okx", "build")
            return {
                "task_instances": [
                    {"dag_run_id": run, "task_id": task, "try_number": 1} for run in names for task in tasks
                ]
            }
        if path.startswith("/dags/market_data_alert_test/dagRuns"):
            return {"state": self.alert_run}
        return {"content": self.log} if path.endswith("/build/logs/1") else None

    def _run(self, number: int, state: str) -> dict[str, Any]:
        ended = self.born - timedelta(minutes=15 * number)
        name = f"scheduled__{ended.isoformat()}"
        moments = {"run_after": ended.isoformat(), "end_date": ended.isoformat()}
        return {"dag_run_id": name, "run_type": "scheduled", "state": state, **moments}


class AirflowServer:
    """Serves `runs` to user admin with password pass."""

    def __init__(self) -> None:
        self.runs = Runs()
        self._server = HTTPServer()
        self._server.expect_request("/auth/token", method="POST").respond_with_handler(self._log_in)
        self._server.expect_request(re.compile("/api/v2/.*"), method="GET").respond_with_handler(self._answer)
        self._server.start()
        self.address = f"{self._server.host}:{self._server.port}"
        self.url = f"http://admin:pass@{self.address}"

    def _log_in(self, request: Request) -> Response:
        good = request.get_json() == {"username": "admin", "password": "pass"}
        return _json({"access_token": "token"}, 201 if good else 401)

    def _answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != "Bearer token":
            return _json({}, 401)
        found = self.runs.answer(request.path.removeprefix("/api/v2"))
        return _json(found or {}, 200 if found else 404)

    def close(self) -> None:
        self._server.stop()


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
