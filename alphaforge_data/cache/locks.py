"""Locks by name between threads and processes: one reader fetches, the others wait for it."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: threads still take turns, processes may fetch the same twice.
    fcntl = None  # type: ignore[assignment]

_guard = threading.Lock()
_held: dict[tuple[str, str], tuple[threading.Lock, int]] = {}


@contextlib.contextmanager
def held(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Hold every name; they are locked in a fixed order, so that readers cannot deadlock."""
    with contextlib.ExitStack() as stack:
        for name in sorted(set(names)):
            stack.enter_context(_thread_lock(str(folder), name))
            stack.enter_context(_file_lock(folder / "locks" / f"{name}.lock"))
        yield


@contextlib.contextmanager
def _thread_lock(folder: str, name: str) -> Iterator[None]:
    key = folder, name
    with _guard:
        lock, waiting = _held.get(key, (threading.Lock(), 0))
        _held[key] = lock, waiting + 1
    try:
        with lock:
            yield
    finally:
        with _guard:
            lock, waiting = _held[key]
            if waiting == 1:
                del _held[key]
            else:
                _held[key] = lock, waiting - 1


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    stream = _opened(path)
    if stream is None:
        # Nobody can be writing to a read-only folder.
        yield
        return
    with stream:
        # Some network file systems have no locks: two processes may then fetch the same, which is correct but wasteful.
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough: a process forked meanwhile has the file open as well, and would keep the lock.
            with contextlib.suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_UN)


def _opened(path: Path) -> IO[bytes] | None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    # Another user's file can be locked as well.
    with contextlib.suppress(OSError):
        return path.open("rb")
    return None


def _forget() -> None:
    """Forget the locks of threads that do not exist in a forked process."""
    global _guard
    _guard = threading.Lock()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
