"""A connection that breaks at the worst time: the server has accepted the insert, but its response never arrives."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class CutAfterInsert:
    """Forwards a port; the responses to the first `cuts` requests that contain `INSERT` are dropped."""

    def __init__(self, target_port: int, cuts: int = 2) -> None:
        self._target = ("127.0.0.1", target_port)
        self.cuts = cuts
        self.done = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(self._target) as server:
            inserting = threading.Event()
            threading.Thread(target=self._upstream, args=(client, server, inserting), daemon=True).start()
            while data := server.recv(1 << 16):
                if inserting.is_set() and self.done < self.cuts:
                    self.done += 1
                    # Not only close: the other thread still reads from it.
                    client.shutdown(socket.SHUT_RDWR)
                    return
                inserting.clear()
                client.sendall(data)

    def _upstream(self, client: socket.socket, server: socket.socket, inserting: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                head = data.upper()
                if b"INSERT" in head and (b"PARQUET" in head or b"ROWBINARY" in head):
                    inserting.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
