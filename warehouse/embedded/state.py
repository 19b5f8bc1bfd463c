"""The state of the embedded server between starts: ports and the users' passwords."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from warehouse.connection import Connection
from warehouse.errors import OperationFailed

USERS = ("admin", "ingest", "transform", "researcher", "auditor")


def folder(home: Path) -> Path:
    """The server's folder: configuration, data, log, state."""
    return home / "clickhouse"


@dataclass
class State:
    """Ports, passwords by user, and the server's pid (0: none was started)."""

    http_port: int
    tcp_port: int
    passwords: dict[str, str] = field(repr=False)
    pid: int = 0
    pid_started: float = 0.0

    def connection(self, user: str) -> Connection:
        """Loopback address for a user."""
        return Connection("127.0.0.1", self.http_port, self.tcp_port, user, self.passwords[user])


def new_passwords() -> dict[str, str]:
    """A random password for each user."""
    return {user: secrets.token_urlsafe(24) for user in USERS}


def state_file(home: Path) -> Path:
    """Path of the state, readable by its owner only."""
    return folder(home) / "state.json"


def read_state(home: Path) -> State:
    """The stored state; raises OperationFailed if no server was ever started."""
    try:
        return State(**json.loads(state_file(home).read_text()))
    except FileNotFoundError:
        raise OperationFailed(
            f"There is no warehouse in {home} yet. Start one with `mdw up`, or set MDW_CLICKHOUSE_URL."
        ) from None
    except (ValueError, TypeError) as error:
        raise OperationFailed(
            f"{state_file(home)} is damaged ({error}). Stop the server, delete that file, run `mdw up`: data stays."
        ) from None


def write_state(home: Path, state: State) -> None:
    """Write atomically, with mode 0600 from the start."""
    path = state_file(home)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(asdict(state), stream, indent=1)
    part.replace(path)
