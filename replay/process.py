"""A replay server in a separate process, which does not share the interpreter with its clients."""

import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from replay.__main__ import READY


class ReplayProcess:
    """Runs `python -m replay` with these arguments while the context is open; RuntimeError if it does not start."""

    def __init__(self, *arguments: str):
        self._arguments = arguments
        self.environment: dict[str, str] = {}
        self.banner = ""
        self.url = ""

    def start(self) -> Self:
        """Start the server and wait until it serves."""
        # A file, not a pipe: nobody reads it while the server runs, and a full pipe would stop the server.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "replay", *self._arguments],
            cwd=Path(__file__).resolve().parent.parent,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._process.stdout is not None
        for line in map(str.strip, self._process.stdout):
            if line == READY:
                return self
            if line.startswith("#"):
                self.banner = line.removeprefix("# ")
                self.url = self.banner.rsplit(" ", 1)[1]
            else:
                name, _, url = line.partition("=")
                self.environment[name] = url
        self._process.communicate()
        self._errors.seek(0)
        raise RuntimeError(f"the replay server did not start: {self._errors.read().strip()}")

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        self._process.terminate()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
