"""The file format of a cached table: a header with length and digest, then an Arrow stream.

The digest covers the file's name as well, so that a file under a wrong name counts as damaged.
"""

import contextlib
import hashlib
import os
import secrets
import struct
from pathlib import Path

import pyarrow as pa

_MAGIC = b"AFDATA03"
_HEADER = struct.Struct("<8sQ32s16s")
_PADDING = bytes(16)
_SUFFIX = ".part"


class Damaged(Exception):
    """The content of the file is not what was written."""


def write(path: Path, table: pa.Table) -> int:
    """Store the table atomically, even across a power cut; returns its size in bytes. Raises OSError."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    body = sink.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{secrets.token_hex(8)}{_SUFFIX}")
    # Readable as the umask says, unlike a file of `tempfile`: users may share the folder.
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(_HEADER.pack(_MAGIC, body.size, _digest(path, body), _PADDING))
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return _HEADER.size + int(body.size)


def read(path: Path, verify: bool) -> pa.Table:
    """The table, memory-mapped. Raises FileNotFoundError, OSError, or Damaged if the content is not as written."""
    with pa.memory_map(str(path)) as source:
        whole = source.read_buffer()
    if whole.size < _HEADER.size:
        raise Damaged(f"{whole.size} bytes")
    magic, length, digest, padding = _HEADER.unpack(whole[: _HEADER.size])
    body = whole.slice(_HEADER.size)
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


def _digest(path: Path, body: pa.Buffer) -> bytes:
    digest = hashlib.sha256(path.stem.encode())
    digest.update(memoryview(body))
    return digest.digest()


def _sync_folder(folder: Path) -> None:
    # A rename is durable once its folder is synced; not every platform can open a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
