"""Errors of this package; each message names the next step."""


class AlphaforgeDataError(Exception):
    """Base of every error that this package raises on purpose."""


class BadRequest(AlphaforgeDataError, ValueError):
    """An argument is invalid, or names something that the snapshot does not have."""


class UnknownSnapshot(BadRequest):
    """No snapshot with this id is published; the message lists the newest ones."""


class MissingBars(AlphaforgeDataError, LookupError):
    """Bars are missing, and the caller requested an error in that case; the message names the ranges and causes."""


class NotReachable(AlphaforgeDataError, ConnectionError):
    """No warehouse answers at the address, or it refuses the user."""


class NotCached(NotReachable):
    """`offline=True`, and the cache does not have the requested data."""


class QueryFailed(AlphaforgeDataError, RuntimeError):
    """The server accepted the request and failed on it: a limit, a missing right, a broken stream.

    `code` is ClickHouse's error code, None if the connection failed.
    """

    def __init__(self, message: str, code: int | None = None):
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["QueryFailed"], tuple[str, int | None]]:
        return type(self), (str(self), self.code)


class SnapshotChanged(AlphaforgeDataError, RuntimeError):
    """The id was dropped, or published again with other rows, since this client looked it up."""


class WithdrawnSnapshot(UserWarning):
    """The snapshot is known to be bad; it stays readable, so that old results can be explained."""


class ShortAnswer(QueryFailed):
    """The server returned fewer or more rows than the snapshot's manifest has, as a lagging replica would."""
