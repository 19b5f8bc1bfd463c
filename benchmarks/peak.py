"""Samples the peak memory of this process, its children and the embedded server."""

import contextlib
import threading
from types import TracebackType
from typing import Self

import psutil


class Peak:
    """A context manager; `pipeline` and `server` are peak bytes of resident memory, summed over parallel processes."""

    def __init__(self, server_pid: int, seconds: float = 0.1) -> None:
        self.pipeline = self.server = 0
        self._server_pid = server_pid
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._seconds):
            with contextlib.suppress(psutil.Error):
                me = psutil.Process()
                mine = [me, *(child for child in me.children(recursive=True) if child.pid != self._server_pid)]
                self.pipeline = max(self.pipeline, sum(_memory(process) for process in mine))
                self.server = max(self.server, _memory(psutil.Process(self._server_pid)))


def _memory(process: psutil.Process) -> int:
    try:
        # The replay stands for the exchanges: it is not part of the pipeline.
        return 0 if "replay" in process.cmdline() else process.memory_info().rss
    except psutil.Error:
        return 0
