"""The two kinds of trouble that people see."""


class BadInput(ValueError):  # noqa: N818 - it is what the person typed, not a crash
    """What was asked for cannot be asked: the message names value, allowed ones and next step (exit 2)."""


class OperationFailed(RuntimeError):
    """The world is not as needed: a server is away, a disk is full, a port is taken (exit 1)."""
