"""One reader fetches, the others wait for it: locks by name between threads and between processes."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: threads still take turns, processes may fetch the same twice.
    fcntl = None  # type: ignore[assignment]

_guard = threading.Lock()
_held: dict[tuple[str, str], tuple[threading.Lock, int]] = {}


@contextlib.contextmanager
def held(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Hold every name; always taken in one order, so that two readers cannot wait for each other."""
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = path.open("ab")
    except OSError:
        # A folder that cannot be written holds nothing that another process could be writing.
        yield
        return
    with stream:
        # Some network file systems have no locks: two processes may fetch the same, and each is right.
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
