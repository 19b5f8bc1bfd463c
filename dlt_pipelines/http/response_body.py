"""Reads response bodies within limits: compressed size, decompressed size, and time.

A body is decompressed here, piece by piece, so that a response that inflates to gigabytes is refused at the first byte
over its limit. Only gzip and deflate are accepted.
"""

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import MalformedResponse, OversizedResponse, SlowResponse

ACCEPTED = {"Accept-Encoding": "gzip, deflate"}
CONNECT_SECONDS = 20.0
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limit:
    """Maximum bytes of a body as sent (`wire`) and decompressed, and the seconds in which it must be complete."""

    wire: int
    unpacked: int
    seconds: float

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """Timeout of the whole request: connecting has its own, and `read_body` enforces that of the body."""
        return aiohttp.ClientTimeout(total=self.seconds + CONNECT_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=20)


# A page of 1,000 bars is 0.2 MB. The longest listing is Binance's exchangeInfo: 6 MB in 2024 (decred/dcrdex #2902),
# and up to 20 MB today (a guess).
PAGE = Limit(wire=4_000_000, unpacked=4_000_000, seconds=30)
LISTING = Limit(wire=64_000_000, unpacked=64_000_000, seconds=120)
# A month of 1m bars is 2 to 3 MB as a zip; archive/unzip.py limits its inflated size.
FILE = Limit(wire=64_000_000, unpacked=64_000_000, seconds=300)
CHECKSUM = Limit(wire=64_000, unpacked=64_000, seconds=30)


def limit_of(endpoint: Endpoint) -> Limit:
    """Limits of a page, which has a bounded number of rows, or of a listing."""
    return PAGE if endpoint.page_rows else LISTING


async def read_body(response: aiohttp.ClientResponse, what: str, limit: Limit) -> bytes:
    """The decompressed body of a response whose session does not decompress; `what` names it in messages.

    Raises OversizedResponse, SlowResponse, or MalformedResponse for an encoding that cannot be decoded; the connection
    is then closed.
    """
    try:
        async with asyncio.timeout(limit.seconds):
            return await _read(response, what, limit)
    except TimeoutError:
        response.close()
        raise SlowResponse(f"{what}: the response was not complete within {limit.seconds:g} s") from None
    except BaseException:
        response.close()
        raise


async def _read(response: aiohttp.ClientResponse, what: str, limit: Limit) -> bytes:
    if (response.content_length or 0) > limit.wire:
        raise _too_large(what, f"announces {response.content_length:,} bytes", limit.wire)
    unpacker = _Unpacker(response.headers.get("Content-Encoding", ""), what, limit)
    parts: list[bytes] = []
    wire = unpacked = 0
    async for chunk in response.content.iter_any():
        wire += len(chunk)
        if wire > limit.wire:
            raise _too_large(what, f"has more than {limit.wire:,} bytes", limit.wire)
        for part in unpacker.feed(chunk, limit.unpacked - unpacked):
            unpacked += len(part)
            if unpacked > limit.unpacked:
                raise _too_large(
                    what, f"decompresses to more than {limit.unpacked:,} bytes (from {wire:,})", limit.unpacked
                )
            parts.append(part)
    unpacker.finish()
    return b"".join(parts)


def _too_large(what: str, found: str, maximum: int) -> OversizedResponse:
    return OversizedResponse(f"{what}: the response {found}; the limit is {maximum:,} bytes. It was discarded")


class _Unpacker:
    """Decompresses gzip, deflate or plain bytes, never more at once than requested."""

    def __init__(self, encoding: str, what: str, limit: Limit) -> None:
        self._encoding = encoding.strip().lower()
        self._what = what
        self._most = limit.unpacked
        self._stream: zlib._Decompress | None = None
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise MalformedResponse(
                f"{what}: the response is encoded as {encoding[:40]!r}; gzip or deflate was requested"
            )

    def feed(self, chunk: bytes, left: int) -> Iterator[bytes]:
        """Decompressed parts, in total at most one byte more than `left`, which shows that there is more."""
        if self._encoding in ("", "identity"):
            yield chunk
            return
        try:
            while chunk and left >= 0:
                if self._stream is None:
                    self._stream = zlib.decompressobj(self._window_bits(chunk))
                part = self._stream.decompress(chunk, min(left + 1, _PIECE_BYTES))
                left -= len(part)
                if part:
                    yield part
                if self._stream.eof:
                    chunk, self._stream = self._stream.unused_data, None
                    # Only gzip may have several members.
                    if self._encoding == "deflate":
                        return
                else:
                    chunk = self._stream.unconsumed_tail
        except zlib.error as error:
            raise MalformedResponse(f"{self._what}: the response is not valid {self._encoding} ({error})") from None

    def finish(self) -> None:
        """Raise MalformedResponse where the stream was cut."""
        if self._stream is not None:
            raise MalformedResponse(f"{self._what}: the {self._encoding} response is truncated")

    def _window_bits(self, first: bytes) -> int:
        if self._encoding != "deflate":
            return 16 + zlib.MAX_WBITS
        # "deflate" means zlib's format in RFC 9110, but raw deflate on some servers.
        return zlib.MAX_WBITS if first[0] & 0x0F == 8 else -zlib.MAX_WBITS
