"""The two kinds of errors that the user sees as one line, and what is behind an error."""

import re
from collections.abc import Iterator

# Keeper's errors have a name of their own: Coordination::Exception.
_DRIVERS_PART = re.compile(r"^.*?\b(DB|Coordination)::Exception:", re.DOTALL)


class BadInput(ValueError):
    """The request is not valid: the message names the value, the allowed ones and the next step (exit code 2)."""


class OperationFailed(RuntimeError):
    """A server is unreachable, a disk is full, a port is taken: not caused by the input (exit code 1)."""


def sentence_of_server(error: BaseException) -> str:
    """What ClickHouse said, without what its driver puts before it."""
    return _DRIVERS_PART.sub("", str(error), count=1).strip()


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and every error behind it: causes, contexts, and the members of groups."""
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
