"""`mdw status --serve`: /metrics for Prometheus, /healthz for health checks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from mdw.metrics.exposition import registry
from mdw.metrics.reading import samples
from warehouse.errors import BadInput
from warehouse.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Scrapes are not logged."""


def server(settings: Settings, host: str, port: int) -> WSGIServer:
    """A server that reads ClickHouse for each scrape; port 0 picks a free port. Raises BadInput if the port is in use.

    If ClickHouse is down, a scrape still succeeds (mdw_up 0), and a health check fails (503).
    """
    metrics = make_wsgi_app(registry(lambda: samples(settings)))

    def answer(request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = request["PATH_INFO"]
        if path == "/metrics":
            scraped: Iterable[bytes] = metrics(request, start)
            return scraped
        if path == "/healthz":
            up = samples(settings)[0].value == 1
            start("200 OK" if up else "503 Service Unavailable", _PLAIN)
            return [b"up\n" if up else b"down\n"]
        start("404 Not Found", _PLAIN)
        return [b"metrics are at /metrics\n"]

    try:
        return make_server(host, port, answer, ThreadingWSGIServer, _Quiet)
    except OSError as error:
        raise BadInput(f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port.") from None
