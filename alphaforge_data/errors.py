"""What can go wrong when reading; every message says what, what is allowed, and the next step."""


class AlphaforgeDataError(Exception):
    """Base of every error that this package raises on purpose."""


class BadRequest(AlphaforgeDataError, ValueError):  # noqa: N818 - named for what the caller did
    """An argument cannot be asked for; found before any request, or because the snapshot lacks it."""


class UnknownSnapshot(BadRequest):
    """No snapshot of that id is published; the message lists the newest ones."""


class NotReachable(AlphaforgeDataError, ConnectionError):  # noqa: N818
    """No warehouse answers at the address, or it refuses the user."""


class QueryFailed(AlphaforgeDataError, RuntimeError):  # noqa: N818
    """The server accepted the request and failed on it: a limit, a missing right, a cut answer.

    `code` is ClickHouse's error number, None where the failure was the connection's.
    """

    def __init__(self, message: str, code: int | None = None):
        super().__init__(message)
        self.code = code


class WithdrawnSnapshot(UserWarning):
    """The snapshot that is read is known to be bad: still readable, so that old results can be explained."""
