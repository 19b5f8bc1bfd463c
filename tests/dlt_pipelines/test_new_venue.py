"""A venue with REST and a listed archive, defined only here: registering it is sufficient."""

import base64
import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from dlt_pipelines import backfill
from dlt_pipelines.core.archive import ArchiveFile, Check, Layout, Span
from dlt_pipelines.core.archive_periods import DAY_MS
from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import Refused
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, from_ms, to_ms
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.planning.coverage import covered
from dlt_pipelines.planning.lane_choice import Lane
from dlt_pipelines.planning.universe import load
from dlt_pipelines.venues import ARCHIVES, VENUES
from tests.conftest import Warehouse
from warehouse.settings import Settings

DAY = datetime(2025, 3, 1, tzinfo=UTC)
NOW = DAY + timedelta(days=2, hours=2, seconds=30)
HEADER = "symbol,open_time,open,high,low,close,volume"
PREFIX = "/archive/by-release/7/"
CANDLES = Endpoint("/candles", "", "testex_url", Budget("testex calls", 1, 1), page_rows=500)
CLOCK = Endpoint("/time", "", "testex_url", Budget("testex clock calls", 10, 1))


class Listing:
    """One call names the files of one day."""

    endpoint = Endpoint("/files", "", "testex_url", Budget("testex list calls", 5, 1))
    periods_per_call: Mapping[Span, int] = {"daily": 1}

    def calls(self, files: Sequence[ArchiveFile]) -> list[list[ArchiveFile]]:
        return [[file] for file in files]

    def params(self, files: Sequence[ArchiveFile]) -> dict[str, str]:
        return {"name": files[0].name}

    def read(self, body: Any) -> dict[str, str]:
        return {entry["name"]: entry["path"] for entry in body["files"]}


class Archive:
    """One file per day; paths come only from the list."""

    origin = "testex_archive_url"
    address = "https://files.example.com"
    check: Check = "md5_header"
    calendar_ms = 0
    listing = Listing()

    def complete(self, series: Series) -> bool:
        return True

    def spans(self, series: Series) -> tuple[Span, ...]:
        return ("daily",) if series.dataset == "bars" else ()

    def published(self, span: Span, end: int) -> int:
        return end

    def file(self, series: Series, span: Span, label: str, start: int, end: int) -> ArchiveFile:
        symbol = series.symbol.replace("/", "_")
        layout = Layout(7, 1, (HEADER.encode(),), header_required=True, instrument_column=0)
        return ArchiveFile(series, symbol, "archive_spot_candles", span, f"{symbol}-{label}.zip", start, end, layout)


class TestEx:
    """Oldest first, no ccxt, errors as {"error": text}."""

    __test__ = False
    name = "testex"
    ccxt_id = None
    archive = Archive()
    websockets = ()

    def markets(self, dataset: str) -> tuple[str, ...]:
        return ("spot",) if dataset == "bars" else ()

    def table(self, series: Series) -> str:
        return "spot_candles"

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        return CANDLES

    def venue_symbol(self, series: Series) -> str:
        return series.symbol.replace("/", "_")

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        return {"symbol": self.venue_symbol(series), "from": str(start), "to": str(end)}

    def check(self, status: int, body: Any) -> None:
        if isinstance(body, dict) and "error" in body:
            raise Refused(f"TestEx: {body['error']}")

    def read(self, series: Series, body: Any) -> PageSummary:
        times = [int(row[0]) for row in body]
        return PageSummary(len(times), min(times, default=None), max(times, default=None))

    def clock(self, series: Series) -> Endpoint:
        return CLOCK

    def read_clock(self, body: Any) -> int:
        return int(body["now"])

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        return {"": origins["testex_url"]}


def bars(start: int, end: int) -> list[list[object]]:
    return [[time, "1.5", "2", "1", "1.7", str(time % 97)] for time in range(start, end, MINUTE_MS)]


def zipped(name: str) -> bytes:
    symbol, day = name.removesuffix(".zip").split("-", 1)
    start = to_ms(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([HEADER.split(","), *([symbol, *row] for row in bars(start, start + DAY_MS))])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name.replace(".zip", ".csv"), text.getvalue())
    return packed.getvalue()


@pytest.fixture
def exchange(httpserver: HTTPServer) -> HTTPServer:
    def candles(request: Request) -> Response:
        start, end = int(request.args["from"]), int(request.args["to"])
        return Response(json.dumps(bars(start, end)[:500]), content_type="application/json")

    def files(request: Request) -> Response:
        name = request.args["name"]
        return Response(json.dumps({"files": [{"name": name, "path": PREFIX + name}]}), content_type="application/json")

    def file(request: Request) -> Response:
        data = zipped(request.path.removeprefix(PREFIX))
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        return Response(data, headers={"Content-MD5": digest})

    httpserver.expect_request("/candles").respond_with_handler(candles)
    httpserver.expect_request("/files").respond_with_handler(files)
    httpserver.expect_request("/time").respond_with_json({"now": to_ms(NOW)})
    httpserver.expect_request(re.compile(rf"{PREFIX}.*")).respond_with_handler(file)
    return httpserver


def test_it_lands_by_both_lanes(
    warehouse: Warehouse, exchange: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(VENUES, "testex", TestEx())
    url = exchange.url_for("")
    settings = Settings(home=warehouse.settings.home, now=NOW, testex_url=url, testex_archive_url=url)  # type: ignore[call-arg]
    # What a new venue brings besides: its raw tables, in a migration of its own.
    with warehouse.client() as client:
        client.command("create table raw.testex__spot_candles as raw.coinbase__spot_candles")
        client.command("create table raw.testex__archive_spot_candles as raw.okx__archive_spot_candles")
    path = tmp_path / "universe.yml"
    path.write_text(
        "{version: 1, history: {start: 2025-03-01T00:00:00Z}, timeframes: [1m], instruments: false, fear_greed: false, "
        "bars: {testex: {spot: [AAA/USDT]}}}"
    )
    universe = load(path)
    assert "testex" in ARCHIVES

    def land(lane: Lane, start: datetime, end: datetime | None) -> set[str]:
        plan = backfill.plan(settings, universe, None, start, end, pace=None, lane=lane)
        report = backfill.run(plan, pace=None)
        assert report.complete, report.failures
        return {line.lane for line in plan.lines()}

    assert land("rest", DAY, DAY + timedelta(hours=10)) == {"rest"}
    assert land("archive", DAY, DAY + timedelta(days=1)) == {"archive"}
    # The fastest lane for each window: a file for the whole second day, REST for the two hours after it.
    assert land("auto", DAY, None) == {"rest", "archive"}
    landed = warehouse.rows(
        "select lane, sum(row_count), countDistinct(endpoint) from ops.coverage where venue = 'testex' "
        "group by lane order by lane"
    )
    assert landed == [("archive", 2 * 1440, 1), ("rest", 600 + 120, 1)]
    with warehouse.client() as client:
        (windows,) = covered(client, universe.series()).values()
    assert [(from_ms(start), from_ms(end)) for start, end in windows] == [(DAY, DAY + timedelta(days=2, hours=2))]
    assert warehouse.rows("select pages > 0, failures from ops.landings order by recorded_at") == [(True, 0)] * 3
