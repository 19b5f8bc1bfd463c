"""`mdw status --serve`: /metrics for Prometheus, /healthz for a probe."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mdw.metrics.exposition import CONTENT_TYPE, exposition
from mdw.metrics.reading import samples
from warehouse.errors import BadInput
from warehouse.settings import Settings


def server(settings: Settings, host: str, port: int) -> ThreadingHTTPServer:
    """A server that reads ClickHouse anew for each scrape; port 0 takes a free one. Raises BadInput for a taken one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer /metrics and /healthz."""
            path = self.path.partition("?")[0]
            if path not in ("/metrics", "/healthz"):
                self.send_error(404, "metrics are at /metrics")
                return
            found = samples(settings)
            up = found[0].value == 1
            body = (exposition(found) if path == "/metrics" else ("up\n" if up else "down\n")).encode()
            # A scrape of a dead warehouse is an answer (mdw_up 0); a probe of it is a failure.
            self.send_response(200 if up or path == "/metrics" else 503)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise BadInput(f"Port {port} on {host} cannot be used: {error.strerror}. Give another with --port.") from None
