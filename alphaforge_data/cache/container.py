"""The file format of a cached table: a header with length and digest, then an Arrow stream.

The digest, XXH3 of 128 bits, covers the file's name as well, so that a file under a wrong name counts as damaged. It
detects damage as reliably as SHA-256 in a tenth of the time; unlike it, it does not protect against forged files.
"""

import io
import os
import secrets
import struct
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import xxhash

_MAGIC = b"AFDATA04"
_FORMER = b"AFDATA03"
_HEADER = struct.Struct("<8sQ16s32s")
_PADDING = bytes(32)
_SUFFIX = ".part"


class Damaged(Exception):
    """The content of the file is not what was written."""


def write(path: Path, table: pa.Table) -> tuple[Path, int]:
    """Write the table beside `path`, safe from a power cut; `publish` makes it visible. Raises OSError.

    Returns the file and its size in bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{secrets.token_hex(8)}{_SUFFIX}")
    # Readable as the umask says, unlike a file of `tempfile`: users may share the folder.
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(bytes(_HEADER.size))
            body = _Body(stream, path)
            with pa.PythonFile(body, mode="w") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            stream.seek(0)
            stream.write(_HEADER.pack(_MAGIC, body.size, body.digest.digest(), _PADDING))
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part, _HEADER.size + body.size


def publish(part: Path, path: Path) -> None:
    """Give a written file its name. Raises OSError."""
    part.replace(path)


def read(path: Path, verify: bool) -> pa.Table:
    """The table, memory-mapped. Raises FileNotFoundError (also for a file of the former format, which the next read
    replaces), OSError, or Damaged if the content is not as written.
    """
    with pa.memory_map(str(path)) as source:
        whole = source.read_buffer()
    if whole.size < _HEADER.size:
        raise Damaged(f"{whole.size} bytes")
    magic, length, digest, padding = _HEADER.unpack(whole[: _HEADER.size])
    body = whole.slice(_HEADER.size)
    if magic == _FORMER:
        raise FileNotFoundError(path)
    if magic != _MAGIC or length != body.size or padding != _PADDING:
        raise Damaged("its header does not fit")
    if verify and _digest(path, body) != digest:
        raise Damaged("its checksum differs")
    try:
        return pa.ipc.open_stream(body).read_all()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise Damaged(str(error)) from None


def leftovers(folder: Path) -> list[Path]:
    """Files of the cache `folder` that are being written, or that killed processes left."""
    return list(folder.glob(f"??/*{_SUFFIX}"))


class _Body(io.RawIOBase):
    """Hashes what it passes on, so that the table is never copied into one piece of memory."""

    def __init__(self, stream: BinaryIO, path: Path):
        self._stream, self.digest, self.size = stream, _seeded(path), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Write all of the data."""
        view = memoryview(data).cast("B")
        self.digest.update(view)
        self._stream.write(view)
        self.size += len(view)
        return len(view)


def _digest(path: Path, body: pa.Buffer) -> bytes:
    seeded = _seeded(path)
    seeded.update(memoryview(body))
    return seeded.digest()


def _seeded(path: Path) -> "xxhash.xxh3_128":
    return xxhash.xxh3_128(path.stem.encode())
