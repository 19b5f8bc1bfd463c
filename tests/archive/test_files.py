"""Nothing in a zip file from the network is trusted."""

import io
import stat
import zipfile
import zlib
from datetime import UTC, datetime

import pytest

from dlt_pipelines.archive.csv_check import check_csv
from dlt_pipelines.archive.download import Download
from dlt_pipelines.archive.row_binary import to_rows
from dlt_pipelines.archive.unzip import unzip
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.errors import SuspiciousFile, UnknownFormat
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.venues import ARCHIVES

DAY = datetime(2025, 1, 1, tzinfo=UTC)
START = to_ms(DAY)


def kline_file() -> ArchiveFile:
    series = Series("bars", "binance", "spot", "BTC/USDT", "1m")
    return ARCHIVES["binance"].file(series, "daily", "2025-01-01", START, START + 86_400_000)


def candle_file() -> ArchiveFile:
    series = Series("bars", "okx", "spot", "BTC/USDT", "1m")
    return ARCHIVES["okx"].file(series, "daily", "2025-01-01", START - 28_800_000, START + 57_600_000)


def kline(minute: int, unit: int = 1000, close: str = "1.5") -> str:
    opens = (START + minute * 60_000) * unit
    return f"{opens},1.0,2.0,0.5,{close},10,{opens + 59_999 * unit},15,3,5,7,0"


def text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def packed(body: bytes, *names: str, kind: int = stat.S_IFREG) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (kind | 0o644) << 16
            archive.writestr(entry, body)
    return target.getvalue()


def test_the_one_member_comes_out_as_it_is():
    body = text(kline(0), kline(1))
    assert unzip("a.zip", packed(body, "a.csv"), "a.csv") == body


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (packed(b"x\n", "../a.csv"), r"'\.\./a\.csv'; expected 'a\.csv'"),
        (packed(b"x\n", "/etc/passwd"), "'/etc/passwd'"),
        (packed(b"x\n", "a.csv", "b.csv"), "2 members"),
        (packed(b"x\n"), "0 members"),
        (packed(b"/etc/passwd", "a.csv", kind=stat.S_IFLNK), "not a regular file"),
        (packed(bytes(20_000_000), "a.csv"), "would inflate from"),
        (packed(b"x\n" * 500, "a.csv")[:60], "not a valid zip"),
        (b"<html>", "not a valid zip"),
        (packed(b"x\n" * 500, "a.csv").replace(b"x\n", b"y\n"), None),
    ],
    ids=["parent", "absolute", "two", "none", "link", "bomb", "cut", "page", "same"],
)
def test_a_zip_that_is_not_what_archives_hold(data: bytes, says: str | None):
    if says is None:
        assert unzip("a.zip", data, "a.csv") == b"x\n" * 500
        return
    with pytest.raises(SuspiciousFile, match=says):
        unzip("a.zip", data, "a.csv")


def test_a_zip_with_a_wrong_size():
    data = packed(b"x\n" * 500_000, "a.csv")
    lie = data.replace((1_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lie != data
    with pytest.raises(SuspiciousFile):
        unzip("a.zip", lie, "a.csv")


def test_a_member_whose_digest_is_another_one():
    body = text(*map(kline, range(200)))
    data = packed(body, "a.csv").replace(zlib.crc32(body).to_bytes(4, "little"), bytes(4))
    with pytest.raises(SuspiciousFile, match=r"not a valid zip file: 'a\.csv' does not match its CRC"):
        unzip("a.zip", data, "a.csv")


def test_a_member_at_another_offset_than_in_the_directory():
    data = packed(text(kline(0)), "a.csv").replace(b"a.csv", b"b.csv", 1)
    with pytest.raises(SuspiciousFile, match="is not where the directory says"):
        unzip("a.zip", data, "a.csv")


def test_a_damaged_member():
    data = bytearray(packed(text(*map(kline, range(200))), "a.csv"))
    data[60] ^= 0xFF
    with pytest.raises(SuspiciousFile, match="not a valid zip"):
        unzip("a.zip", bytes(data), "a.csv")


@pytest.mark.parametrize(("unit", "name"), [(1, "ms"), (1000, "us")])
def test_the_unit_of_times_is_detected_by_magnitude(unit: int, name: str):
    csv = check_csv(kline_file(), text(*(kline(minute, unit) for minute in range(5))))
    assert (csv.time_unit, csv.rows, csv.header) == (name, 5, b"")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (text(kline(0, 1), kline(1, 1000)), "mixes milliseconds and microseconds"),
        (text(kline(0), kline(1).rsplit(",", 1)[0]), "more or fewer than 12 fields"),
        (text(kline(0), kline(1) + ",0,0,0,0,0,0,0,0,0,0,0,0"), "more or fewer than 12 fields"),
        (text("open,close", kline(0)), "begins with b'open,close'"),
        (text(kline(0), kline(1440)), "rows from 2025-01-01T00:00:00Z to 2025-01-02T00:00:00Z"),
        (text(kline(-1), kline(0)), "its period is 2025-01-01T00:00Z"),
        (text(kline(0), kline(1).replace("17", "1x", 1)), "not numbers"),
        (text(kline(0)).replace(b"\n", b"\r\n"), "lines that end in a newline"),
        (text(kline(0))[:-1], "lines that end in a newline"),
        (text(kline(0), kline(1)[1:]), "digits"),
        (b"", "begins with b''"),
    ],
)
def test_text_that_does_not_match_the_file_name(body: bytes, says: str):
    with pytest.raises(UnknownFormat, match=says):
        check_csv(kline_file(), body)


def candle(minute: int, close: str = "1.5", name: str = "BTC-USDT") -> str:
    return f"{name},1,2,0.5,{close},10,15,15,{START + minute * 60_000},0"


CANDLES = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"


def test_identical_rows_are_not_a_conflict_but_different_ones_are():
    body = text(CANDLES, candle(0), candle(0), candle(1), candle(2), candle(1, "1.6"))
    csv = check_csv(candle_file(), body)
    assert csv.conflicts == (str(START + 60_000),)
    assert csv.header.decode() == CANDLES


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (text(candle(0)), "expected"),
        (text(CANDLES.replace("vol_ccy", "vol_coin"), candle(0)), "expected"),
        (text(CANDLES, candle(0), candle(1, name="ETH-USDT")), "an instrument other than BTC-USDT"),
        (text(CANDLES), "has no rows"),
    ],
)
def test_okx_files_must_have_the_header_that_is_known(body: bytes, says: str):
    with pytest.raises(UnknownFormat, match=says):
        check_csv(candle_file(), body)


def test_parts_are_whole_lines_and_together_the_file(monkeypatch: pytest.MonkeyPatch):
    body = text(*(kline(minute) for minute in range(1440)))
    file = kline_file()
    monkeypatch.setattr("dlt_pipelines.archive.row_binary.LINES_PER_PART", 500)
    parts = to_rows(file, Download(b"zip", "0" * 64, "tag", DAY), body, check_csv(file, body), None)
    payloads = [bytes(piece) for piece in parts.pieces if isinstance(piece, memoryview)]
    assert b"".join(payloads) == body
    assert [payload.count(b"\n") for payload in payloads] == [500, 500, 440]
    assert all(payload.endswith(b"\n") for payload in payloads)
