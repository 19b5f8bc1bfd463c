"""Connection parameters of one ClickHouse user."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from warehouse.errors import BadInput

_EXAMPLE = "https://user:password@host:8443/?native_port=9440"


@dataclass(frozen=True)
class Connection:
    """Address and credentials of one user; the password is not part of the repr."""

    host: str
    http_port: int
    native_port: int
    user: str
    password: str = field(repr=False)
    secure: bool = False

    @classmethod
    def from_url(cls, url: str) -> "Connection":
        """Parse `http(s)://user:password@host:port/?native_port=N`.

        Raises BadInput, without the password, if the text is not such a URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                f"MDW_CLICKHOUSE_URL has scheme {parts.scheme!r} and host {parts.hostname!r}; it must look like "
                f"{_EXAMPLE} (http or https). Correct it, or unset it to use the embedded server."
            )
        secure = parts.scheme == "https"
        query = parse_qs(parts.query)
        try:
            http_port = parts.port or (8443 if secure else 8123)
            native_port = int(query.get("native_port", ["9440" if secure else "9000"])[0])
        except ValueError as error:
            raise BadInput(
                f"MDW_CLICKHOUSE_URL has a port that is not a number: {error}. Example: {_EXAMPLE}"
            ) from None
        return cls(
            host=parts.hostname,
            http_port=http_port,
            native_port=native_port,
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
        )

    @property
    def address(self) -> str:
        """Scheme, host and port, safe to print."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.http_port}"
