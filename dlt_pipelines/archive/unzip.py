"""Extracts the single member of an archive's zip without trusting the zip.

zipfile reads the directory; ISA-L inflates and checks the CRC, in a third of zlib's time (docs/performance.md).
"""

import io
import stat
import struct
import zipfile

from isal import isal_zlib

from dlt_pipelines.core.errors import SuspiciousFile

# A month of 1m bars is 6 MB of text and compresses by a factor of 4 to 30 (quiet minutes compress best).
MAX_ZIP_BYTES = 64_000_000
MAX_TEXT_BYTES = 256_000_000
MAX_RATIO = 150
# Local file header: signature, ten fields that the directory repeats, lengths of the name and of the extra field.
_LOCAL_HEADER = struct.Struct("<4s22xHH")


def unzip(name: str, data: bytes, member: str) -> bytes:
    """The text of `member`, which must be the only member of the zip; raises SuspiciousFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _only_entry(name, archive, member)
        return _text(name, data, entry)
    except (zipfile.BadZipFile, isal_zlib.error, struct.error) as error:  # type: ignore[misc]  # wrong in its stub
        raise SuspiciousFile(f"{name} is not a valid zip file: {error}") from None


def _only_entry(name: str, archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    entries = archive.infolist()
    if len(entries) != 1:
        shown = ", ".join(repr(entry.filename) for entry in entries[:3])
        raise SuspiciousFile(f"{name} has {len(entries)} members ({shown}); expected only {member!r}")
    entry = entries[0]
    if _raw_name(entry) != member.encode() or "\0" in entry.orig_filename:
        raise SuspiciousFile(f"{name} contains {entry.orig_filename!r}; expected {member!r}")
    mode = entry.external_attr >> 16
    if entry.flag_bits & 1 or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
        raise SuspiciousFile(f"{name}: {member!r} is encrypted or not a regular file")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SuspiciousFile(
            f"{name}: {member!r} uses compression method {entry.compress_type}; archives use deflate or none"
        )
    return entry


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    """The bytes of the name: zipfile decodes them as code page 437 unless a flag marks them as UTF-8."""
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")


def _text(name: str, data: bytes, entry: zipfile.ZipInfo) -> bytes:
    """Inflate the member, never beyond the limit, whatever the zip says about its size."""
    maximum = min(MAX_TEXT_BYTES, max(1_000_000, entry.compress_size * MAX_RATIO))
    if entry.file_size > maximum:
        raise SuspiciousFile(
            f"{name} would inflate from {entry.compress_size:,} to {entry.file_size:,} bytes; "
            f"the limits are {MAX_RATIO} times its size and {MAX_TEXT_BYTES:,} bytes"
        )
    packed = _packed(data, entry)
    if entry.compress_type == zipfile.ZIP_STORED:
        text, ended = bytes(packed), True
    else:
        stream = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
        # Asking for one byte more than it says shows whether there is more.
        text = stream.decompress(packed, entry.file_size + 1)
        ended = stream.eof
    if not ended or len(text) != entry.file_size:
        raise SuspiciousFile(f"{name} does not inflate to the {entry.file_size:,} bytes that its directory says")
    if isal_zlib.crc32(text) != entry.CRC:
        raise zipfile.BadZipFile(f"{entry.filename!r} does not match its CRC")
    return text


def _packed(data: bytes, entry: zipfile.ZipInfo) -> memoryview:
    """The compressed bytes of the member."""
    signature, name_length, extra_length = _LOCAL_HEADER.unpack_from(data, entry.header_offset)
    begins = entry.header_offset + _LOCAL_HEADER.size
    start = begins + name_length + extra_length
    end = start + entry.compress_size
    if signature != b"PK\3\4" or data[begins : begins + name_length] != _raw_name(entry) or end > len(data):
        raise zipfile.BadZipFile(f"{entry.filename!r} is not where the directory says")
    return memoryview(data)[start:end]
