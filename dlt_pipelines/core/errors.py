"""Failures of a venue or of a file of its archive; the class decides how the run continues."""

from datetime import datetime
from typing import ClassVar

from warehouse.errors import OperationFailed

# Venues put texts of any length into their errors; those known are at most a few hundred characters long.
_MAX_CHARACTERS = 1_000


class VenueError(OperationFailed):
    """A venue did not give the requested page. `kind` is the word used in counts and logs.

    The message is one line of limited length, whatever the venue put into it.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        line = " ".join(message[: 10 * _MAX_CHARACTERS].split())
        super().__init__(line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}…")


class Retryable(VenueError):
    """The same request may well succeed later."""


class RateLimited(Retryable):
    """429, or the venue's own error code for it; `retry_after` in seconds if the venue gave it."""

    kind = "rate_limited"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFault(Retryable):
    """5xx, or an error body that reports a fault of the venue itself."""

    kind = "server_fault"


class MalformedResponse(Retryable):
    """An HTML page, truncated JSON, or rows that were not requested."""

    kind = "broken_answer"


class UnknownErrorCode(Retryable):
    """An unknown error code: it may concern this series alone, so it is no evidence about the venue."""

    kind = "error_answer"


class SlowResponse(Retryable):
    """A response that was not complete in time."""

    kind = "slow_answer"


class ConnectionFailed(Retryable):
    """Name not resolved, connection refused, reset, dropped, or timed out."""

    kind = "no_connection"


class VenueClosed(VenueError):
    """The venue serves us nothing more for now: its remaining windows are left to a later run."""

    kind = "venue_closed"


class Banned(VenueClosed):
    """418 or 403: further requests would prolong the ban, which ends at about `until` (UTC)."""

    kind = "banned"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class RegionBlocked(VenueClosed):
    """451: the venue does not serve this region."""

    kind = "region_blocked"


class Refused(VenueError):
    """The venue understood the request and refused it: a retry cannot help."""

    kind = "refused"


class UnknownSymbol(Refused):
    """The venue has no such instrument."""

    kind = "unknown_symbol"


class OversizedResponse(Refused):
    """A body over its size limit (dlt_pipelines.http.response_body): it is discarded."""

    kind = "oversized_answer"


class Redirected(Refused):
    """A redirect. None is followed, not even to the same host: a page records the request that was made."""

    kind = "redirected"


class ArchiveFileError(VenueError):
    """An archive file that cannot be landed: the same window is then requested from REST."""

    kind = "bad_file"


class MissingFile(ArchiveFileError):
    """The archive does not have it (yet)."""

    kind = "missing_file"


class FileRefused(ArchiveFileError):
    """403 for a file: object stores answer so for a single object as well as to a banned address."""

    kind = "file_refused"


class BadChecksum(ArchiveFileError):
    """The content does not match the checksum that the venue published."""

    kind = "bad_checksum"


class SuspiciousFile(ArchiveFileError):
    """A zip that could do harm, or is not built the way archives are."""

    kind = "suspicious_file"


class UnknownFormat(ArchiveFileError):
    """Rows that do not match the name of the file."""

    kind = "unknown_form"
