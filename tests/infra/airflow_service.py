"""A small MWAA on loopback: moto has none. It keeps what it is given and answers as the real service does; DAG import
errors can be switched on to make a smoke test fail."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.acceptance.airflow_api import Runs


class AirflowService:
    """Serves until closed; `environments` holds what was created, by name."""

    def __init__(self) -> None:
        self.environments: dict[str, dict[str, Any]] = {}
        self.import_errors: list[dict[str, str]] = []
        self.pools: dict[str, dict[str, Any]] = {"default_pool": {"name": "default_pool", "slots": 128}}
        self.runs = Runs()
        self.refuse: str | None = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                return None

            def answer(self, body: dict[str, Any], status: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if status != 200:
                    self.send_header("x-amzn-ErrorType", str(body["__type"]))
                self.end_headers()
                self.wfile.write(data)

            def handle_any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"{}")
                self.answer(*service.handle(self.command, unquote(self.path.split("?")[0]), body))

            do_GET = do_PUT = do_POST = do_PATCH = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def handle(self, method: str, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        name = path.rpartition("/")[2]
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
            "/dags": {"dags": [{"dag_id": "market_data_update"}], "total_entries": 1},
        }
        content = listings.get(body["Path"]) or self.runs.answer(body["Path"])
        return {"RestApiStatusCode": 200, "RestApiResponse": content}
