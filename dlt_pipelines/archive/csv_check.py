"""Checks that a file's rows are what its name promises: fields, times, unit, period. Vectorized with numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.errors import UnknownFormat
from dlt_pipelines.core.time_grid import from_ms

_COMMA, _NEWLINE, _ZERO = ord(","), ord("\n"), ord("0")
# Chunks of this size keep the masks in the CPU cache and let their memory be reused.
_CHUNK_BYTES = 1 << 20
_UNITS = {13: ("ms", 1), 16: ("us", 1000)}
_FACTORS = dict(_UNITS.values())


@dataclass(frozen=True, slots=True)
class CsvRows:
    """Offsets of the rows (`starts`, plus the end of the last one), their times in ms, and the time unit of the file.

    `conflicts` are the times, as written, that occur in rows with different values.
    """

    header: bytes
    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    time_unit: str
    conflicts: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of data."""
        return len(self.starts) - 1

    @property
    def conflict_times(self) -> NDArray[np.int64]:
        """Times of `conflicts` in ms."""
        return np.array([int(text) for text in self.conflicts], np.int64) // _FACTORS[self.time_unit]


def check_csv(file: ArchiveFile, text: bytes) -> CsvRows:
    """Parse and check the text; raises UnknownFormat that names the problem."""
    header = _header(file, text)
    if not text.endswith(b"\n") or b"\r" in text[:4096]:
        raise UnknownFormat(f"{file.name} does not consist of lines that end in a newline")
    first = len(header) + 1 if header else 0
    if first >= len(text):
        raise UnknownFormat(f"{file.name} has no rows")
    body = np.frombuffer(text, np.uint8, offset=first)
    ends = _fields(file, body)
    starts = np.append(np.int64(0), ends[:, -1].astype(np.int64) + 1)
    times, unit = _times(file, body, ends, starts)
    _check_period(file, times)
    if file.layout.instrument_column is not None:
        _check_instrument(file, body, starts)
    starts += first
    return CsvRows(header, starts, times, unit, _conflicts(text, times, starts, unit))


def _header(file: ArchiveFile, text: bytes) -> bytes:
    line = text[: text.find(b"\n")] if b"\n" in text[:4096] else text[:200]
    if line in file.layout.headers:
        return line
    if file.layout.header_required or not line[:1].isdigit():
        known = " or ".join(repr(known.decode()) for known in file.layout.headers)
        raise UnknownFormat(f"{file.name} begins with {line[:120]!r}; expected {known}")
    return b""


def _fields(file: ArchiveFile, body: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Position of the separator after each field: one array row per line."""
    found, lines, columns = [], 0, file.layout.columns
    for start in range(0, len(body), _CHUNK_BYTES):
        chunk = body[start : start + _CHUNK_BYTES]
        separators = chunk == _NEWLINE
        lines += int(np.count_nonzero(separators))
        separators |= chunk == _COMMA
        found.append((np.flatnonzero(separators) + start).astype(np.int32))
    positions = np.concatenate(found)
    if len(positions) == lines * columns:
        ends = positions.reshape(lines, columns)
        # As many newlines as rows, and each at the end of a row: so no row contains one.
        if (body[ends[:, -1]] == _NEWLINE).all():
            return ends
    raise UnknownFormat(f"{file.name} has rows with more or fewer than {columns} fields")


def _times(
    file: ArchiveFile, body: NDArray[np.uint8], ends: NDArray[np.int32], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """Time of each row in ms."""
    column = file.layout.time_column
    begins = starts[:-1] if column == 0 else ends[:, column - 1] + 1
    lengths = ends[:, column] - begins
    widths = np.unique(lengths) if lengths.min() != lengths.max() else lengths[:1]
    allowed = (13, 16) if file.layout.microseconds else (13,)
    if len(widths) > 1 and set(widths.tolist()) <= set(_UNITS):
        raise UnknownFormat(f"{file.name} mixes milliseconds and microseconds")
    if len(widths) != 1 or widths[0] not in allowed:
        raise UnknownFormat(f"{file.name} has times of {widths.tolist()} digits; expected {allowed}")
    width = int(widths[0])
    digits = sliding_window_view(body, width)[begins] - np.uint8(_ZERO)
    if (digits > 9).any():
        raise UnknownFormat(f"{file.name} has times that are not numbers")
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    name, factor = _UNITS[width]
    return digits.astype(np.int64) @ powers // factor, name


def _check_period(file: ArchiveFile, times: NDArray[np.int64]) -> None:
    slack = file.layout.slack_ms
    oldest, newest = int(times.min()), int(times.max())
    if oldest < file.start - slack or newest >= file.end + slack:
        raise UnknownFormat(
            f"{file.name} has rows from {from_ms(oldest):%Y-%m-%dT%H:%M:%SZ} to {from_ms(newest):%Y-%m-%dT%H:%M:%SZ}; "
            f"its period is {from_ms(file.start):%Y-%m-%dT%H:%MZ} to {from_ms(file.end):%Y-%m-%dT%H:%MZ}"
        )


def _check_instrument(file: ArchiveFile, body: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
    """Only for files whose rows name their instrument: it is the first field."""
    wanted = np.frombuffer(file.venue_symbol.encode() + b",", np.uint8)
    within = starts[:-1, None] + np.arange(len(wanted))
    if int(within[-1, -1]) >= len(body) or (body[within] != wanted).any():
        raise UnknownFormat(f"{file.name} has rows of an instrument other than {file.venue_symbol}")


def _conflicts(text: bytes, times: NDArray[np.int64], starts: NDArray[np.int64], unit: str) -> tuple[str, ...]:
    """Times, as written, that occur in rows with different values; identical rows do not conflict."""
    if (times[1:] > times[:-1]).all():
        return ()
    ordered = np.sort(times)
    repeated = np.unique(ordered[1:][np.diff(ordered) == 0])
    return tuple(
        str(int(time) * _UNITS[13 if unit == "ms" else 16][1])
        for time in repeated
        if len(set(_lines(text, starts, np.flatnonzero(times == time).tolist()))) > 1
    )


def _lines(text: bytes, starts: NDArray[np.int64], rows: Sequence[int]) -> list[bytes]:
    return [text[int(starts[row]) : int(starts[row + 1])] for row in rows]
