"""Builds a zip of one CSV member, with the faults that a test requests."""

import io
import zipfile

# Constant, so that the same rows have the same digest.
_DATE = (2025, 1, 1, 0, 0, 0)
_BOMB_BYTES = 300_000_000


def zipped(member: str, lines: list[str], tricks: frozenset[str]) -> bytes:
    """The file as the venue would serve it."""
    body = ("\n".join(lines) + "\n").encode() if lines else b""
    if "path" in tricks:
        member = "../../" + member
    if "renamed" in tricks:
        member = "other-" + member
    if "bomb" in tricks:
        body = bytes(_BOMB_BYTES)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(_entry(member), body)
        if "two_members" in tricks:
            archive.writestr(_entry("second.csv"), body[:100])
    data = file.getvalue()
    return data[: len(data) // 2] if "cut" in tricks else data


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
