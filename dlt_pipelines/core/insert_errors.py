"""An insert that ClickHouse refuses for good, as against one that may succeed when it is sent again."""

from warehouse.errors import OperationFailed

INSERT_ATTEMPTS = 6
_REFUSALS = (
    "ACCESS_DENIED",
    "AUTHENTICATION_FAILED",
    "UNKNOWN_DATABASE",
    "NOT_ENOUGH_SPACE",
    "Code: 497",
    "TOO_LARGE_STRING_SIZE",
    "TOO_LARGE_ARRAY_SIZE",
    # The limit of one query or user, unlike "(total)", does not pass by itself: the same insert needs the same memory.
    "Query memory limit exceeded",
    "Memory limit (for query) exceeded",
)


class InsertRefused(OperationFailed):
    """ClickHouse will not take pages, or our own disk is full: trying again cannot help."""


def is_refusal(text: str) -> bool:
    """Whether ClickHouse's words mean that the same insert can never succeed."""
    return any(mark in text for mark in _REFUSALS)
