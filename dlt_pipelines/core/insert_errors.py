"""Tells inserts that ClickHouse rejects for good from those that may succeed on a retry."""

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
    # The limit of a query or user, unlike "(total)", will be hit again: the same insert needs the same memory.
    "Query memory limit exceeded",
    "Memory limit (for query) exceeded",
)


class InsertRefused(OperationFailed):
    """ClickHouse rejects the pages, or our own disk is full: a retry cannot help."""


def is_refusal(text: str) -> bool:
    """Whether ClickHouse's error text means that the same insert can never succeed."""
    return any(mark in text for mark in _REFUSALS)
