"""From the archives' URLs into raw: what lands, what does not, and what is requested by REST instead."""

import hashlib
import io
import json
import socket
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from dlt_pipelines.archive import download, file_loader, row_binary
from dlt_pipelines.archive.file_loader import CheckedFile
from dlt_pipelines.core.insert_errors import InsertRefused
from dlt_pipelines.http import venue_client
from replay.archives.tricks import Trick
from replay.faults import HTML, Faults, FixedAnswer
from tests.archive.conftest import NOW
from tests.ingest import Ingest
from warehouse.settings import Settings

NOVEMBER, DECEMBER = datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC)
HOURS: dict[str, Any] = {"venues": ("binance",), "markets": ("spot",), "symbols": ("BTC/USDT",), "timeframes": ("1h",)}
MINUTES: dict[str, Any] = {**HOURS, "timeframes": ("1m",)}
OKX_MINUTES: dict[str, Any] = {**MINUTES, "venues": ("okx",)}
OKX_FUNDING: dict[str, Any] = {"datasets": ("funding",), "venues": ("okx",), "symbols": ("BTC/USDT",)}
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR_MS = 3_600_000
ZIP = "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11.zip"


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_a_month_lands_once_as_it_is(ingest: Ingest):
    report = ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    true = [
        bar.open_time for bar in ingest.market.bars("binance", "spot", "BTC/USDT", "1h", *map(ms, (NOVEMBER, DECEMBER)))
    ]
    away = sorted({*range(ms(NOVEMBER), ms(DECEMBER), HOUR_MS)} - {*true})
    assert report.complete
    # The synthetic Binance has an outage of two hours on the 11th: the file is split there and covers the rest.
    assert ingest.files() == [(ZIP, 2, 2, len(true))]
    assert any("BTCUSDT-1h-2024-11.zip lacks 2 bars (2024-11-11T" in notice for notice in report.notices)
    again = ingest.plan(NOVEMBER, DECEMBER, "archive", **HOURS)
    assert again.files == []
    assert any("has landed and lacks 2 bars" in notice for notice in again.notices)
    (left,) = ingest.plan(NOVEMBER, DECEMBER, "rest", **HOURS).requests
    assert (left.start, left.end) == (away[0], away[-1] + HOUR_MS)


def test_every_part_has_its_metadata(ingest: Ingest):
    ingest.backfill(NOVEMBER, DECEMBER, "archive", **MINUTES)
    path = ZIP.replace("1h", "1m")
    with urllib.request.urlopen(ingest.settings.origins["binance_archive_url"] + path) as answer:
        data = answer.read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(archive.namelist()[0])
    parts = sorted(ingest.pages("binance__archive_spot_klines"), key=lambda part: part["part"])
    digest = hashlib.sha256(data).hexdigest()
    one = parts[0]
    assert "".join(part["payload"] for part in parts).encode() == text
    assert [part["part"] for part in parts] == [*range(1, one["parts"] + 1)] == [*range(1, 10)]
    assert sum(part["row_count"] for part in parts) == text.count(b"\n") > 43_000
    assert len({part["page_id"] for part in parts}) == 9
    assert all(part["payload_sha256"] == hashlib.sha256(part["payload"].encode()).hexdigest() for part in parts)
    assert (one["venue"], one["market"], one["symbol"]) == ("binance", "spot", "BTC/USDT")
    assert (one["venue_symbol"], one["timeframe"], one["lane"]) == ("BTCUSDT", "1m", "archive")
    # Parts follow each other without a gap, except where minutes are missing.
    assert (one["window_start"], parts[-1]["window_end"]) == tuple(t.replace(tzinfo=None) for t in (NOVEMBER, DECEMBER))
    assert sum(a["window_end"] != b["window_start"] for a, b in pairwise(parts)) == 1
    assert {part["proof"] for part in parts} == {"window"}
    assert (one["file_path"], one["endpoint"] + "/" + path.rsplit("/", 1)[1]) == (path, path)
    assert (one["file_sha256"].decode(), one["file_tag"], one["file_bytes"]) == (digest, digest, len(data))
    assert (one["http_status"], one["server_time"]) == (200, NOW.replace(tzinfo=None))
    assert datetime.now(UTC) - one["fetched_at"].replace(tzinfo=UTC) < timedelta(hours=1)
    asked = {"span": "monthly", "start": ms(NOVEMBER), "end": ms(DECEMBER)}
    assert (json.loads(one["request_params"]), one["header"], one["time_unit"]) == (asked, "", "ms")
    assert one["conflicts"] == []


def test_a_bad_file_keeps_its_neighbours_from_nothing(ingest: Ingest):
    ingest.trick(Trick("cut", "2024-10"))
    report = ingest.backfill(datetime(2024, 9, 1, tzinfo=UTC), DECEMBER, "archive", **HOURS)
    assert [failure.kind for failure in report.failures] == ["suspicious_file"]
    assert [row[0][-11:] for row in ingest.files()] == ["2024-09.zip", "2024-11.zip"]


def test_the_archive_lane_lands_no_bars_of_rest(ingest: Ingest):
    ingest.backfill(datetime(2024, 9, 1, tzinfo=UTC), DECEMBER, "archive", **MINUTES)
    assert ingest.warehouse.rows("select sum(row_count) from raw.binance__spot_klines") == [(0,)]


def test_a_sender_that_dies_in_the_middle_leaves_nothing(ingest: Ingest, monkeypatch: pytest.MonkeyPatch):
    """Dying between two files is the worst case: every file that landed is complete."""

    def insert_half(client: object, table: str, files: list[CheckedFile]) -> None:
        rows = files[0].parts.pieces
        connection = ingest.settings.connection("ingest")
        query = f"insert+into+{table}+({','.join(row_binary.COLUMNS)})+format+RowBinary"
        head = (
            f"POST /?query={query}&user={connection.user}&password={connection.password} HTTP/1.1\r\n"
            f"Host: {connection.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with socket.create_connection((connection.host, connection.http_port)) as wire:
            wire.sendall(head.encode())
            for piece in rows:
                wire.sendall(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)))

    monkeypatch.setattr("dlt_pipelines.archive.run.insert", insert_half)
    ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    assert ingest.files() == []
    monkeypatch.undo()
    assert ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS).complete
    assert len(ingest.files()) == 1


def test_an_insert_that_is_too_large_for_clickhouse_is_not_repeated(ingest: Ingest, monkeypatch: pytest.MonkeyPatch):
    def narrow(settings: Settings) -> Client:
        client = file_loader.open_client(settings)
        client.set_client_setting("max_memory_usage", "200000")
        return client

    said: list[str] = []
    monkeypatch.setattr("dlt_pipelines.archive.run.open_client", narrow)
    monkeypatch.setattr(file_loader.log, "warning", lambda *words: said.append(str(words)))
    with pytest.raises(InsertRefused, match=r"rejected the archive files of raw\.binance__archive_spot_klines"):
        ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    assert said == []
    assert ingest.files() == []


def test_days_fill_what_months_do_not_yet_have(ingest: Ingest):
    ingest.backfill(NEW_YEAR - DAY, NEW_YEAR + 2 * DAY, "archive", **MINUTES)
    daily = "/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-"
    assert [row[0] for row in ingest.files()] == [
        f"{daily}{day}.zip" for day in ("2024-12-31", "2025-01-01", "2025-01-02")
    ]
    units = ingest.warehouse.rows(
        "select file_path, any(time_unit) from raw.binance__archive_spot_klines group by 1 order by 1"
    )
    assert [unit for _, unit in units] == ["ms", "us", "us"]


def test_okx_days_are_cut_at_utc_8(ingest: Ingest):
    ingest.backfill(NEW_YEAR - 8 * timedelta(hours=1), NEW_YEAR + 16 * timedelta(hours=1), "archive", **OKX_MINUTES)
    windows = ingest.warehouse.rows(
        "select distinct toString(window_start), toString(window_end) from raw.okx__archive_spot_candles"
    )
    assert windows == [("2024-12-31 16:00:00.000", "2025-01-01 16:00:00.000")]
    assert ingest.count("market-data-history") == 1


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "has no BTCUSDT-1h-2024-11.zip"),
        ("no_checksum", "has no CHECKSUM"),
        ("bad_checksum", "its CHECKSUM file says"),
        ("mixed_units", "mixes milliseconds and microseconds"),
        ("unknown_header", "begins with b'a,b,c'"),
        ("bomb", "would inflate from"),
        ("path", "expected 'BTCUSDT-1h-2024-11.csv'"),
        ("two_members", "2 members"),
        ("renamed", "expected 'BTCUSDT-1h-2024-11.csv'"),
        ("cut", "not a valid zip"),
        ("other_period", "its period is 2024-11-01"),
        ("ragged", "more or fewer than 12 fields"),
    ],
)
def test_a_bad_file_does_not_land(ingest: Ingest, kind: str, says: str):
    ingest.trick(Trick(kind))
    report = ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    assert not report.complete
    assert says in report.failures[0].message
    assert ingest.files() == []


def test_a_header_row_is_not_a_bar(ingest: Ingest):
    ingest.trick(Trick("header"))
    ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    rows = ingest.warehouse.rows(
        "select header, row_count, payload from raw.binance__archive_spot_klines order by part"
    )
    assert all(str(header).startswith("open_time,open,") for header, _, _ in rows)
    assert [str(payload).count("\n") - count for _, count, payload in rows] == [1, 0]


@pytest.mark.parametrize("kind", ["missing", "bad_checksum"])
def test_auto_asks_rest_for_what_the_archive_has_not(ingest: Ingest, kind: str):
    ingest.trick(Trick(kind, "BTC-USDT"))
    report = ingest.backfill(NEW_YEAR - 24 * DAY, NEW_YEAR + 2 * DAY, "auto", **OKX_MINUTES)
    assert report.complete
    assert ingest.files() == []
    assert sum("is requested from REST" in notice for notice in report.notices) == len(set(report.notices)) > 0
    assert ingest.plan(NEW_YEAR - 24 * DAY, NEW_YEAR + 2 * DAY, "auto", **OKX_MINUTES).calls == 0


def test_auto_takes_the_lane_that_is_faster(ingest: Ingest):
    months = ingest.plan(datetime(2024, 9, 1, tzinfo=UTC), NOW - timedelta(minutes=1), "auto", **MINUTES)
    assert {(file.span, file.name[-11:-4]) for file in months.files} == {
        ("monthly", "2024-09"),
        ("monthly", "2024-10"),
        ("monthly", "2024-11"),
    }
    assert min(request.start or 0 for request in months.requests) == 1733011200000
    hours = ingest.plan(datetime(2024, 9, 1, tzinfo=UTC), NOW - timedelta(minutes=1), "auto", **HOURS)
    assert hours.files == []
    assert months.minimum_seconds() > 0


def test_funding_beyond_the_reach_of_rest_comes_from_the_archive(ingest: Ingest):
    start, end = datetime(2024, 6, 1, tzinfo=UTC), NOW - timedelta(minutes=1)
    report = ingest.backfill(start, end, "auto", **OKX_FUNDING)
    assert report.complete
    true = ingest.market.funding("okx", "BTC/USDT", int(start.timestamp() * 1000), int(end.timestamp() * 1000))
    rows = ingest.warehouse.rows("select lane, sum(row_count) from ops.coverage where dataset = 'funding' group by 1")
    assert dict(rows)["archive"] > 300
    assert dict(rows)["archive"] + dict(rows)["rest"] >= len(true)
    # The last day of funding stays uncovered, as always.
    left = ingest.plan(start, end, "auto", **OKX_FUNDING)
    assert left.files == []
    assert all((request.start or 0) >= int((NOW - DAY).timestamp() * 1000) for request in left.requests)


def test_rest_alone_reports_what_it_cannot_reach(ingest: Ingest):
    plan = ingest.plan(datetime(2024, 6, 1, tzinfo=UTC), NOW - timedelta(minutes=1), "rest", **OKX_FUNDING)
    assert any("REST has nothing before 2024-10-08" in notice for notice in plan.notices)
    assert min(request.start or 0 for request in plan.requests) >= 1728331230000


def test_contradicting_rows_are_set_aside_and_asked_of_rest(ingest: Ingest):
    ingest.trick(Trick("conflicts"))
    window = (NEW_YEAR - 8 * timedelta(hours=1), NEW_YEAR + 16 * timedelta(hours=1))
    report = ingest.backfill(*window, "archive", **OKX_MINUTES)
    assert any("conflicting rows at 1 times" in notice for notice in report.notices)
    assert ingest.warehouse.rows("select count() from raw.okx__spot_candles") == [(0,)]
    (row,) = ingest.warehouse.rows("select any(conflicts) from raw.okx__archive_spot_candles")
    assert len(row[0]) == 1


def test_a_replaced_file_lands_again_and_only_that(ingest: Ingest):
    window = (NOVEMBER - 30 * DAY, DECEMBER)
    ingest.backfill(*window, "archive", **HOURS)
    assert ingest.plan(*window, "archive", recheck=True, **HOURS).files == []
    ingest.trick(Trick("replaced", "2024-11"))
    plan = ingest.plan(*window, "archive", recheck=True, **HOURS)
    assert [file.name for file in plan.files] == ["BTCUSDT-1h-2024-11.zip"]
    assert any("was replaced in the archive" in notice for notice in plan.notices)
    assert ingest.land(plan).complete
    assert (
        len({row[0] for row in ingest.warehouse.rows("select file_sha256 from raw.binance__archive_spot_klines")}) == 3
    )


def test_faults_on_the_way_are_overcome(ingest: Ingest):
    ingest.server.faults = Faults(rate=0.4, kinds=("5xx", "reset", "cut", "html"), path="archive", seed=3)
    try:
        report = ingest.backfill(datetime(2024, 7, 1, tzinfo=UTC), DECEMBER, "archive", **HOURS)
    finally:
        ingest.server.faults = Faults()
    again = ingest.backfill(datetime(2024, 7, 1, tzinfo=UTC), DECEMBER, "archive", **HOURS)
    assert again.complete
    assert len(ingest.files()) == 5
    # Two parts each: the synthetic Binance has an outage in every month.
    assert report.pages + again.pages == 10


def test_the_archive_is_not_asked_again_before_its_retry_after(ingest: Ingest):
    ingest.server.faults = Faults(rate=1, kinds=("429",), path="archive", times=1, retry_after_seconds=2)
    report = ingest.backfill(NOVEMBER, DECEMBER, "archive", **HOURS)
    refused, *later = [entry for entry in ingest.server.journal.last if "archive" in entry["path"]]
    assert report.complete
    assert refused["status"] == 429
    assert all(entry["at"] >= refused["at"] + 2 for entry in later)


def test_a_lane_without_an_archive_is_refused(ingest: Ingest):
    from warehouse.errors import BadInput

    with pytest.raises(BadInput, match="No archive has bars bybit spot 1m"):
        ingest.plan(NOVEMBER, DECEMBER, "archive", venues=("bybit",), timeframes=("1m",))


@pytest.mark.parametrize(
    ("chosen", "answer", "kind"),
    [
        (HOURS, FixedAnswer("/klines/BTCUSDT/", "", "oops", 500), "server_fault"),
        (HOURS, FixedAnswer("/klines/BTCUSDT/", "", "<Code>AccessDenied</Code>", 403), "file_refused"),
        (OKX_MINUTES, FixedAnswer("/okx-archive/", "", "oops", 503), "server_fault"),
        (
            OKX_MINUTES,
            FixedAnswer("market-data-history", "BTC-USDT", {"code": "51001", "msg": "No such instrument", "data": []}),
            "unknown_symbol",
        ),
        (OKX_MINUTES, FixedAnswer("market-data-history", "BTC-USDT", HTML, 502), "server_fault"),
        (OKX_MINUTES, FixedAnswer("market-data-history", "BTC-USDT", HTML, 403), "refused"),
    ],
)
def test_a_failing_symbol_does_not_affect_others(
    ingest: Ingest,
    chosen: dict[str, Any],
    answer: FixedAnswer,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """Days of two symbols; the files, or the list, of one fail. A venue that is down is given up soon."""
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(venue_client, "BACKOFF_SECONDS", 0.01)
    start, end = datetime(2024, 12, 1, tzinfo=UTC), datetime(2024, 12, 5, tzinfo=UTC)
    chosen = {**chosen, "symbols": ("BTC/USDT", "ETH/USDT")}
    away = answer.path == "/okx-archive/"
    ingest.server.fixed = (answer,)
    plan = ingest.plan(start, end, "archive", **chosen)
    symbols = {str(file.series): file.series.symbol for file in plan.files}
    report = ingest.land(plan)
    assert not report.complete
    assert {failure.kind for failure in report.failures} == {kind}
    if away:
        assert {symbols[failure.subject] for failure in report.failures} == {"BTC/USDT", "ETH/USDT"}
    else:
        assert {symbols[failure.subject] for failure in report.failures} == {"BTC/USDT"}
    # Three files of each series, those in progress, six attempts each.
    assert sum(entry["status"] == answer.status for entry in ingest.server.journal.last) <= 6 * (3 + 4) * 2
    left = ingest.plan(start, end, "archive", **chosen).files
    assert {file.series.symbol for file in left} == set(symbols.values()) - (set() if away else {"ETH/USDT"})

    ingest.server.fixed = ()
    assert ingest.backfill(start, end, "archive", **chosen).complete
    assert ingest.plan(start, end, "archive", **chosen).files == []
