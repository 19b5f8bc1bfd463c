"""What can go wrong at a venue or with a file of its archive; each class implies how the run goes on."""

from datetime import datetime
from typing import ClassVar

from warehouse.errors import OperationFailed


class VenueError(OperationFailed):
    """A venue did not give the page asked for. `kind` is the word used in counts and logs."""

    kind: ClassVar[str] = "trouble"


class Retryable(VenueError):
    """The same request may well succeed later."""


class RateLimited(Retryable):
    """429, or the venue's own words for it; `retry_after` in seconds where the venue named it."""

    kind = "rate_limited"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFault(Retryable):
    """5xx, or an error body that says the venue itself is in trouble."""

    kind = "server_fault"


class MalformedResponse(Retryable):
    """An HTML page, JSON cut short, or rows that were not asked for."""

    kind = "broken_answer"


class UnknownErrorCode(Retryable):
    """An error code that we do not know: it may concern this series alone, so it says nothing about the venue."""

    kind = "error_answer"


class SlowResponse(Retryable):
    """A body that did not end in time."""

    kind = "slow_answer"


class ConnectionFailed(Retryable):
    """Name not found, refused, reset, cut, or timed out."""

    kind = "no_connection"


class VenueClosed(VenueError):
    """The venue serves us nothing more for now: its remaining windows wait for a later run."""

    kind = "venue_closed"


class Banned(VenueClosed):
    """418 or 403: asking on would lengthen the ban, which ends at about `until` (UTC)."""

    kind = "banned"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class RegionBlocked(VenueClosed):
    """451: the venue does not serve this region."""

    kind = "region_blocked"


class Refused(VenueError):
    """The venue understood the request and says no: asking again cannot help."""

    kind = "refused"


class UnknownSymbol(Refused):
    """The venue has no such instrument."""

    kind = "unknown_symbol"


class OversizedResponse(Refused):
    """A body beyond its limit (dlt_pipelines.http.response_body): nothing of it is kept."""

    kind = "oversized_answer"


class Redirected(Refused):
    """An answer that points elsewhere. None is followed, not even to the same host: a page records what was asked."""

    kind = "redirected"


class ArchiveFileError(VenueError):
    """An archive's file that is not landed: a reason to ask REST for the same window."""

    kind = "bad_file"


class MissingFile(ArchiveFileError):
    """The archive does not have it (yet)."""

    kind = "missing_file"


class FileRefused(ArchiveFileError):
    """403 for a file: an object store says so of one object as well as of an address that it has banned."""

    kind = "file_refused"


class BadChecksum(ArchiveFileError):
    """The bytes are not those that the venue published."""

    kind = "bad_checksum"


class SuspiciousFile(ArchiveFileError):
    """A zip that could do harm, or is not of the form that archives have."""

    kind = "suspicious_file"


class UnknownFormat(ArchiveFileError):
    """Rows that are not what the name of the file says."""

    kind = "unknown_form"
