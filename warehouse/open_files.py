"""The limit of open files, which shows as a refused connection, a missing module, or a file that cannot be read."""

import errno
import resource
from collections.abc import Iterator

from warehouse.errors import OperationFailed

_WORDS = "too many open files"


def ran_out(error: BaseException) -> bool:
    """Whether this process ran into the limit: drivers wrap the error, and some keep its text only."""
    return any(
        (isinstance(one, OSError) and one.errno in (errno.EMFILE, errno.ENFILE))
        # ClickHouse's own errors are about the server's limit.
        or (_WORDS in str(one).lower() and "DB::Exception" not in str(one))
        for one in _chain(error)
    )


def told_by(output: str) -> bool:
    """Whether the output of another process names the limit."""
    return _WORDS in output.lower()


def too_low(what: str) -> OperationFailed:
    """What could not be done, the limit, and the next step."""
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
