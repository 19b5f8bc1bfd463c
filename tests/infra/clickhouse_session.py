"""The embedded engine for statements that its server cannot run: only a session makes the thread pool of BACKUP and
RESTORE. `python -m tests.infra.clickhouse_session FOLDER [CONFIG]` prints its port and takes statements by POST.
FOLDER may be the data of a server that is stopped, and CONFIG its configuration.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from chdb.session import Session  # type: ignore[import-untyped]


def main(folder: str, config: str = "") -> None:
    session = Session(f"{folder}?config-file={config}" if config else folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            statement = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                status, text = 200, str(session.query(statement, "TabSeparated"))
            except Exception as error:  # the engine's own value is used
                status, text = 500, str(error)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
