"""The address of the warehouse: a URL, MDW_CLICKHOUSE_URL, or the embedded server of MDW_HOME."""

import ipaddress
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alphaforge_data.errors import BadRequest, NotReachable

_EXAMPLE = "https://user:password@host:8443"


@dataclass(frozen=True)
class Address:
    """A server and a user. The password is not part of the repr."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    secure: bool = False

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, where compression would only cost time."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def find(url: str | None = None) -> Address:
    """The address to use: `url`, else MDW_CLICKHOUSE_URL, else the embedded server's researcher.

    Raises BadRequest for a malformed URL and NotReachable if no warehouse is configured.
    """
    text = _text(url)
    return _from_url(text) if text else _embedded(Path(os.environ.get("MDW_HOME", ".mdw")).expanduser())


def place(url: str | None = None) -> str:
    """A name of the warehouse without secrets that needs no running server: identifies it for offline clients."""
    text = _text(url)
    if not text:
        return f"home {Path(os.environ.get('MDW_HOME', '.mdw')).expanduser().resolve()}"
    found = _from_url(text)
    return f"server {found.host}:{found.port}"


def _text(url: str | None) -> str | None:
    if url is not None and not isinstance(url, str):
        raise BadRequest(f"url is {url!r}, a {type(url).__name__}; pass text such as {_EXAMPLE}.")
    return url or os.environ.get("MDW_CLICKHOUSE_URL")


def _from_url(url: str) -> Address:
    if "/" not in url and ":" not in url:
        raise BadRequest(
            f"url is {url!r}, which is not an address such as {_EXAMPLE}. To pin a snapshot, write "
            f"connect(snapshot_id={url!r})."
        )
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadRequest(f"The ClickHouse URL is malformed ({error}); it must look like {_EXAMPLE}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(
            f"The ClickHouse URL has scheme {parts.scheme!r} and host {parts.hostname!r}; it must look like "
            f"{_EXAMPLE} (http or https). Correct `url` or MDW_CLICKHOUSE_URL."
        )
    secure = parts.scheme == "https"
    try:
        port = parts.port or (8443 if secure else 8123)
    except ValueError as error:
        raise BadRequest(f"The ClickHouse URL has a bad port ({error}); example: {_EXAMPLE}.") from None
    user, password = unquote(parts.username or "default"), unquote(parts.password or "")
    return Address(parts.hostname, port, user, password, secure)


def _embedded(home: Path) -> Address:
    path = home.resolve() / "clickhouse" / "state.json"
    try:
        state = json.loads(path.read_text())
        return Address("127.0.0.1", int(state["http_port"]), "researcher", state["passwords"]["researcher"])
    except FileNotFoundError:
        raise NotReachable(
            f"There is no warehouse in {home.resolve()}. Start one with `mdw up`, set MDW_HOME to its folder, or "
            f"pass url= (or set MDW_CLICKHOUSE_URL) such as {_EXAMPLE}."
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NotReachable(
            f"{path} cannot be read ({type(error).__name__}: {error}). `mdw down && mdw up` repairs it."
        ) from None
