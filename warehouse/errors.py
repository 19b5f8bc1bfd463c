"""The two kinds of errors that the user sees as one line."""


class BadInput(ValueError):
    """The request is not valid: the message names the value, the allowed ones and the next step (exit code 2)."""


class OperationFailed(RuntimeError):
    """A server is unreachable, a disk is full, a port is taken: not caused by the input (exit code 1)."""
