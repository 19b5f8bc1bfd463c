"""The one member of an archive's zip, without trusting the zip."""

import io
import stat
import zipfile
import zlib

from dlt_pipelines.errors import Suspicious

# A month of 1m bars is 6 MB of text and packs 4 to 30 times (quiet minutes pack best).
MOST_ZIP_BYTES = 64_000_000
MOST_TEXT_BYTES = 256_000_000
MOST_RATIO = 150


def unzip(name: str, data: bytes, member: str) -> bytes:
    """Text of `member`, which must be all that the zip holds; raises Suspicious."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _only_entry(name, archive, member)
            return _text(name, archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Suspicious(f"{name} is no sound zip: {error}") from None


def _only_entry(name: str, archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    entries = archive.infolist()
    if len(entries) != 1:
        shown = ", ".join(repr(entry.filename) for entry in entries[:3])
        raise Suspicious(f"{name} holds {len(entries)} members ({shown}); expected is {member!r} alone")
    entry = entries[0]
    if entry.filename != member or entry.orig_filename != member:
        raise Suspicious(f"{name} holds {entry.orig_filename!r}; expected is {member!r}")
    mode = entry.external_attr >> 16
    if entry.flag_bits & 1 or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
        raise Suspicious(f"{name}: {member!r} is encrypted or no plain file")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Suspicious(f"{name}: {member!r} is packed in a way that archives do not use ({entry.compress_type})")
    return entry


def _text(name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Never inflates more than the limit, whatever the zip claims about itself."""
    most = min(MOST_TEXT_BYTES, max(1_000_000, entry.compress_size * MOST_RATIO))
    if entry.file_size > most:
        raise Suspicious(
            f"{name} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes; "
            f"allowed are {MOST_RATIO} times its size and {MOST_TEXT_BYTES:,} bytes"
        )
    with archive.open(entry) as stream:
        text = stream.read(entry.file_size)
        if stream.read(1) or len(text) != entry.file_size:
            raise Suspicious(f"{name} grows to another size than the {entry.file_size:,} bytes that it says")
    return text
