"""Hostile responses: redirects, endless bodies, decompression bombs, trickling bodies. Each gives one clear error
line."""

import asyncio
import resource
import zlib
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from dlt_pipelines.archive.download import Downloader
from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import (
    FileRefused,
    MalformedResponse,
    OversizedResponse,
    Redirected,
    SlowResponse,
    SuspiciousFile,
    VenueError,
)
from dlt_pipelines.core.series import Series
from dlt_pipelines.http import response_body
from dlt_pipelines.http.ccxt_client import CcxtClient
from dlt_pipelines.http.plain_client import PlainClient
from dlt_pipelines.http.response import Response, decode
from dlt_pipelines.venues import ARCHIVES, VENUES

BUDGET = Budget("test", 1000, 1)
KLINES = Endpoint("/api/v3/klines", "public_get_klines", "", BUDGET, page_rows=1000)
SERIES = Series("bars", "binance", "spot", "BTC/USDT", "1h")
BOMB_BYTES = 1_500_000_000
BLOCK_BYTES = 10_000_000
Ask = Callable[[str], Awaitable[Response]]


async def by_ccxt(url: str) -> Response:
    client = CcxtClient("binance", BUDGET, {"public": url + "/api/v3"}, None)
    try:
        return await client.get(KLINES, {"symbol": "BTCUSDT", "interval": "1m"})
    finally:
        await client.close()


async def by_plain_http(url: str) -> Response:
    client = PlainClient(url, BUDGET, None)
    try:
        return await client.get(KLINES, {}, _open)
    finally:
        await client.close()


async def by_archive(url: str) -> Response:
    archive = ARCHIVES["binance"]
    async with Downloader(archive, url) as downloader:
        await downloader.get(archive.file(SERIES, "monthly", "2024-11", 1730419200000, 1733011200000))
    raise AssertionError("the file was taken")


async def _open() -> None:
    return None


def answered(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], ask: Ask) -> Response:
    """The result of `ask` against a server that answers everything with `handler`."""

    async def main() -> Response:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            return await ask(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return asyncio.run(main())


def _bomb(encoding: str) -> bytes:
    """A deflate stream of 1.5 MB with 1.5 GB of blanks: one block repeated, without an end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * BLOCK_BYTES) + packer.flush(zlib.Z_FULL_FLUSH)
    header = bytes.fromhex("1f8b08000000000000ff") if encoding == "gzip" else bytes.fromhex("789c")
    return header + block * (BOMB_BYTES // BLOCK_BYTES)


def bomb(encoding: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    body = _bomb(encoding)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith(".CHECKSUM"):
            return web.Response(text=f"{'0' * 64}  {request.path.rsplit('/', 1)[-1].removesuffix('.CHECKSUM')}\n")
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * (1 << 20))


async def announced(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[]", headers={"Content-Length": "99000000000"})


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


def redirect(target: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return answer


def encoded(encoding: str, body: bytes) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    return answer


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http, by_archive])
def test_a_bomb_is_refused_with_little_memory(ask: Ask, encoding: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(VenueError, match=r"decompresses to more than [\d,]+ bytes") as trouble:
        answered(bomb(encoding), ask)
    assert isinstance(trouble.value, OversizedResponse | SuspiciousFile)
    assert "127.0.0.1" in str(trouble.value) or "binance" in str(trouble.value)
    # In kB. The limit of an archive file is 64 MB; the server with its block of 10 MB shares this process.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000


@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http, by_archive])
def test_a_body_without_end_is_cut_off(ask: Ask) -> None:
    for handler, words in ((endless, "has more than"), (announced, "announces 99,000,000,000 bytes")):
        with pytest.raises(VenueError, match=words):
            answered(handler, ask)


@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http])
def test_a_body_that_drips_has_a_total_time(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    short = response_body.Limit(1000, 1000, 0.3)
    monkeypatch.setattr("dlt_pipelines.http.ccxt_client.limit_of", lambda endpoint: short)
    monkeypatch.setattr("dlt_pipelines.http.plain_client.limit_of", lambda endpoint: short)
    with pytest.raises(SlowResponse, match=r"was not complete within 0\.3 s"):
        answered(drip, ask)


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/elsewhere", "/api/v3/klines2", "file:///etc/passwd"])
@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http, by_archive])
def test_no_redirect_is_followed(ask: Ask, target: str) -> None:
    with pytest.raises(Redirected, match="redirects are not followed") as trouble:
        decode(VENUES["binance"], answered(redirect(target), ask))
    assert target in str(trouble.value)


@pytest.mark.parametrize("ask", [by_ccxt, by_plain_http])
def test_encodings(ask: Ask) -> None:
    good = b'[["1"]]' * 3
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    member = zlib.compress(good, wbits=31)
    for encoding, body in (
        ("gzip", member),
        ("deflate", zlib.compress(good)),
        ("deflate", raw.compress(good) + raw.flush()),
        ("identity", good),
    ):
        assert answered(encoded(encoding, body), ask).text == good.decode(), encoding
    assert answered(encoded("gzip", member + member), ask).text == 2 * good.decode()
    for encoding, body, words in (
        ("br", good, "encoded as 'br'"),
        ("gzip", good, "not valid gzip"),
        ("gzip", member[:-9], "is truncated"),
    ):
        with pytest.raises(MalformedResponse, match=words):
            answered(encoded(encoding, body), ask)


def test_403_of_a_file_is_about_the_file() -> None:
    async def forbid(_: web.Request) -> web.StreamResponse:
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")

    with pytest.raises(FileRefused, match="AccessDenied"):
        answered(forbid, by_archive)


@pytest.mark.parametrize(
    ("venue", "body"),
    [("bybit", b'{"retCode":"x"}'), ("bybit", b'{"retCode":0,"result":[1]}'), ("binance", b'{"code":[1]}')],
)
def test_error_bodies_of_an_unknown_form(venue: str, body: bytes) -> None:
    with pytest.raises(MalformedResponse, match="unknown structure"):
        decode(VENUES[venue], Response(200, {}, body.decode()))


def test_no_venue_can_make_a_run_wait_for_years() -> None:
    with pytest.raises(VenueError, match="banned, until about"):
        decode(VENUES["okx"], Response(429, {"retry-after": "99999999999"}, "{}"))
    assert Response(429, {"retry-after": "²"}, "").retry_after is None


def test_every_endpoint_has_a_limit() -> None:
    assert response_body.limit_of(KLINES) == response_body.PAGE
    assert response_body.limit_of(Endpoint("/products", "", "", BUDGET)) == response_body.LISTING
