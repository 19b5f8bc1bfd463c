"""An Airflow that answers as version 3's REST API does, about runs that a test makes up."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Runs:
    """What it knows: scheduled runs by state, the newest first."""

    states: list[str] = field(default_factory=lambda: ["success", "failed", "success"])
    paused: bool = False
    log: list[str] = field(default_factory=lambda: ["mdw build", "published"])
    ill: str = ""

    def answer(self, path: str) -> dict[str, Any] | None:
        """Of GET `path` (after /api/v2), None where there is nothing of that name."""
        if path == "/monitor/health":
            return {
                part: {"status": "unhealthy" if part == self.ill else "healthy"}
                for part in ("metadatabase", "scheduler")
            }
        if path == "/dags/market_data_update":
            return {"is_paused": self.paused, "timetable_summary": "*/15 * * * *"}
        if path == "/dags/market_data_update/dagRuns":
            return {"dag_runs": [self._run(number, state) for number, state in enumerate(self.states)]}
        if path.endswith("/taskInstances"):
            return {"task_instances": [{"task_id": name, "try_number": 1} for name in ("land_okx", "build")]}
        return {"content": self.log} if path.endswith("/build/logs/1") else None

    def _run(self, number: int, state: str) -> dict[str, Any]:
        ended = datetime.now(UTC) - timedelta(minutes=15 * number)
        name = f"scheduled__{ended.isoformat()}"
        return {"dag_run_id": name, "run_type": "scheduled", "state": state, "end_date": ended.isoformat()}


class AirflowServer:
    """Serves `runs` to people who log in as admin, password pass."""

    def __init__(self) -> None:
        self.runs = Runs()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                return None

            def answer(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def do_POST(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                good = given == {"username": "admin", "password": "pass"}
                self.answer(201 if good else 401, {"access_token": "token"})

            def do_GET(self) -> None:
                if self.headers["Authorization"] != "Bearer token":
                    return self.answer(401, {})
                found = service.runs.answer(unquote(urlsplit(self.path).path).removeprefix("/api/v2"))
                return self.answer(200 if found else 404, found or {})

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://admin:pass@{self.address}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
