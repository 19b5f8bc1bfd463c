"""Detects the limit of open files, which appears as a refused connection, a missing module, or an unreadable file."""

import errno
import resource

from warehouse.errors import OperationFailed, chain

_WORDS = "too many open files"


def ran_out(error: BaseException) -> bool:
    """Whether this process hit the limit: drivers wrap the error, and some keep only its text."""
    return any(
        (isinstance(one, OSError) and one.errno in (errno.EMFILE, errno.ENFILE))
        # ClickHouse's own errors concern the server's limit.
        or (_WORDS in str(one).lower() and "DB::Exception" not in str(one))
        for one in chain(error)
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
