"""Keeps the memory of a process near what it uses: a worker of MWAA runs several in 2 GB."""

import ctypes
import os
import sys

_M_ARENA_MAX = -8
_ARENAS = 2


def settle() -> None:
    """Before anything large is imported; children get it by the environment.

    glibc gives each thread an arena of its own, and Arrow's pool keeps what was freed: together they held more than a
    landing's data.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("MALLOC_ARENA_MAX", str(_ARENAS))
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, int(os.environ["MALLOC_ARENA_MAX"]))
        except (AttributeError, OSError, ValueError):
            # Another C library, which has no arenas to limit.
            return
