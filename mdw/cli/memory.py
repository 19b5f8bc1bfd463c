"""Limits memory that a process holds without using it: a worker of MWAA runs several processes in 2 GB."""

import ctypes
import os
import sys

_M_ARENA_MAX = -8
_ARENAS = 2


def limit_arenas() -> None:
    """Call before anything large is imported; child processes inherit it through the environment.

    glibc gives each thread its own arena, and Arrow's pool keeps freed memory: together they held more than the data
    of a landing.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("MALLOC_ARENA_MAX", str(_ARENAS))
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, int(os.environ["MALLOC_ARENA_MAX"]))
        except (AttributeError, OSError, ValueError):
            # Not glibc: there are no arenas to limit.
            return
