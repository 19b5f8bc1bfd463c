"""What goes wrong when data is read, each with the next step."""


class AlphaforgeDataError(Exception):
    """Base of every error that this package raises on purpose."""


class BadRequest(AlphaforgeDataError, ValueError):
    """An argument cannot be asked for; found before any request, or because the snapshot lacks it."""


class UnknownSnapshot(BadRequest):
    """No snapshot of that id is published; the message lists the newest ones."""


class MissingBars(AlphaforgeDataError, LookupError):
    """Bars are missing, and the caller asked for an error in that case; the message names the ranges and causes."""


class NotReachable(AlphaforgeDataError, ConnectionError):
    """No warehouse answers at the address, or it refuses the user."""


class NotCached(NotReachable):
    """`offline=True`, and the cache does not hold what was asked for."""


class QueryFailed(AlphaforgeDataError, RuntimeError):
    """The server accepted the request and failed on it: a limit, a missing right, a broken stream.

    `code` is ClickHouse's error number, None where the failure was the connection's.
    """

    def __init__(self, message: str, code: int | None = None):
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["QueryFailed"], tuple[str, int | None]]:
        return type(self), (str(self), self.code)


class SnapshotChanged(AlphaforgeDataError, RuntimeError):
    """The id was dropped, or published again with other rows, since this client looked it up."""


class WithdrawnSnapshot(UserWarning):
    """The snapshot that is read is known to be bad: still readable, so that old results can be explained."""


class ShortAnswer(QueryFailed):
    """The server gave fewer or more rows than the snapshot's manifest says, as a replica that lags would."""
