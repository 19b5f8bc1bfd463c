"""Detects the limit of open files, which appears as a refused connection, a missing module, or an unreadable file."""

import errno
import resource
from collections.abc import Iterator

from warehouse.errors import OperationFailed

_WORDS = "too many open files"


def ran_out(error: BaseException) -> bool:
    """Whether this process hit the limit: drivers wrap the error, and some keep only its text."""
    return any(
        (isinstance(one, OSError) and one.errno in (errno.EMFILE, errno.ENFILE))
        # ClickHouse's own errors concern the server's limit.
        or (_WORDS in str(one).lower() and "DB::Exception" not in str(one))
        for one in _chain(error)
    )


def reported_in(output: str) -> bool:
    """Whether the output of another process reports the limit."""
    return _WORDS in output.lower()


def too_low(what: str) -> OperationFailed:
    """The error to raise: what failed, the limit, and the next step."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return OperationFailed(
        f"{what}: too many open files. This process may open {limit} at once; raise the limit, such as with "
        "`ulimit -n 4096`, and run the same command again."
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
