"""Runs one call of `mdw`: forwards its messages to the task's log and returns its JSON. Independent of Airflow."""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from threading import Thread
from typing import IO, Any


class Verdict(Enum):
    """What an exit code means for the task."""

    DONE = "done"
    RETRY = "try again"
    GIVE_UP = "trying again cannot help"


@dataclass(frozen=True)
class CallResult:
    """How a call ended: exit code (negative: killed by that signal) and the JSON that it printed, or None."""

    code: int
    document: Any

    @property
    def verdict(self) -> Verdict:
        """Bad input stays bad, and rows that failed an audit fail it again; everything else may succeed on a retry."""
        if self.code == 0:
            return Verdict.DONE
        failures = self.document.get("failures") if isinstance(self.document, dict) else None
        audited = bool(failures) and all(failure.get("rows") for failure in failures or [])
        return Verdict.GIVE_UP if self.code == 2 or audited else Verdict.RETRY

    @property
    def reason(self) -> str:
        """Text for the log and the alert."""
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}"
        failures = self.document.get("failures") if isinstance(self.document, dict) else None
        names = [failure.get("name") or failure.get("message") or "" for failure in failures or []]
        kind = {1: "failed", 2: "bad input"}.get(self.code, f"exit code {self.code}")
        return f"{kind}: {', '.join(names[:5])}" if names else f"{kind}, see the log above"


def program() -> list[str]:
    """The command line tool: MDW_BIN, as the startup script exports it, else `mdw` on the PATH."""
    return shlex.split(os.environ.get("MDW_BIN") or "mdw")


class Call:
    """A running call, in its own process group: stopping it also stops its child dbt."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*program(), *arguments],
            env=dict(environment),
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def wait(self, say: Callable[[str], None]) -> CallResult:
        """Pass every line to `say` until the call ends; a line of JSON is kept as the result instead."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        messages = Thread(target=_follow, args=(self._process.stderr, say))
        messages.start()
        document = None
        for line in self._process.stdout:
            found = _json(line)
            if found is None:
                say(line.rstrip())
            else:
                document = found
        messages.join()
        return CallResult(self._process.wait(), document)

    def stop(self) -> None:
        """Terminate the call and its children, then kill them."""
        for way in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, way)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
                return


def _follow(stream: IO[str], say: Callable[[str], None]) -> None:
    for line in stream:
        if line.strip():
            say(line.rstrip())


def _json(line: str) -> Any:
    if line[:1] not in "{[":
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None
