"""Every frame recorded from a venue (WS_PROVENANCE.md with the recordings) can be parsed."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from dlt_pipelines.core.websocket import Kind, Message, WebSocketProtocol
from dlt_pipelines.venues import WEBSOCKETS
from tests.needs import missing

# In some files lines begin with the receiver's time or a URL.
_PREFIX = re.compile(r"^[^{]*(?=\{)")
# A request sent by the recorder.
_SENT = " <- "
# Closed bars by file, by their flag, counted by hand in WS_PROVENANCE.md.
CLOSED = {
    "cryptofeed_BINANCE_TR.ws.1.0.txt.gz": 4,
    "cryptofeed_BINANCE_US.ws.1.0.txt.gz": 1,
    "cryptofeed_BINANCE_FUTURES.ws.1.0.txt.gz": 4,
    "quoted_spot_kline_1s_closed_20230423.jsonl": 2,
    "quoted_usdm_kline_1m_pair_20260726.jsonl": 1,
    # OKX's engine: quiet minutes, closed 3.5 to 4.0 s after their end.
    "cryptofeed_OKCOIN.ws.1.0.txt.gz": 4,
    "stordd13_eu_spot_kline_20260907.jsonl": 1,
}
BIG = "hftbacktest_spot_btcusdt_20240808.jsonl.gz"


def frames(path: Path) -> list[str]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    lines = text.splitlines()[: 3000 if path.name == BIG else None]
    return [_PREFIX.sub("", line) for line in lines if "{" in line and _SENT not in line]


@pytest.fixture(scope="module")
def understood(market_data: Path) -> dict[str, list[tuple[str, Message]]]:
    found: dict[str, list[tuple[str, Message]]] = {}
    for venue in ("binance", "okx", "bybit"):
        folder = market_data / venue / "ws"
        if not folder.is_dir():
            missing("recordings", f"no recorded frames in {folder}")
        for path in sorted(folder.iterdir()):
            protocol = WEBSOCKETS[venue, "perp" if "FUTURES" in path.name or "usdm" in path.name else "spot"]
            found[path.name] = [(text, read(protocol, text)) for text in frames(path)]
    return found


def read(protocol: WebSocketProtocol, text: str) -> Message:
    """Like the reader: what is not a frame of the protocol is stored and counted, never fatal."""
    try:
        return protocol.read(text)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Message(Kind.UNKNOWN, text="unreadable")


def test_each_recorded_frame_is_read_without_an_error(understood: dict[str, list[tuple[str, Message]]]) -> None:
    kinds = {name: Counter(message.kind for _, message in read) for name, read in understood.items()}
    # Those of protocols before OKX v5 and Bybit v5, in one collection of old and new messages.
    unreadable = {name for name, read in understood.items() for _, message in read if message.text == "unreadable"}
    assert unreadable <= {"crypto-msg-parser_okx_frames.jsonl", "crypto-msg-parser_bybit_frames.jsonl"}
    assert sum(count.total() for count in kinds.values()) > 5_000
    assert {name: count[Kind.CLOSED] for name, count in kinds.items() if count[Kind.CLOSED]} == CLOSED


def test_a_closed_bar_of_a_quiet_minute_is_a_bar(understood: dict[str, list[tuple[str, Message]]]) -> None:
    quiet = [
        message
        for text, message in understood["cryptofeed_BINANCE_TR.ws.1.0.txt.gz"]
        if '"n":0' in text and '"x":true' in text
    ]
    assert len(quiet) == 2
    for message in quiet:
        assert message.kind is Kind.CLOSED
        assert 0 < (message.event_ms or 0) - message.opens[0] - 60_000 < 10


def test_refusals_and_acknowledgements_name_what_they_are_about(
    understood: dict[str, list[tuple[str, Message]]],
) -> None:
    refused = [m for _, m in understood["quoted_candle1m_20260915.jsonl"] if m.kind is Kind.REFUSED]
    assert [m.topics for m in refused] == [("candle1m:BTC-USDT",)]
    bybit = Counter(m.kind for _, m in understood["stordd13_eu_spot_kline_20260907.jsonl"])
    assert bybit == {Kind.ACK: 1, Kind.OPEN: 1, Kind.CLOSED: 1, Kind.PONG: 1, Kind.REFUSED: 1}
    assert {m.request for _, m in understood["fastmm_testnet_spot_orderbook1_20260913.jsonl"] if m.kind is Kind.ACK}


def test_quotes_are_quotes(understood: dict[str, list[tuple[str, Message]]]) -> None:
    book = [m for _, m in understood[BIG] if m.kind is Kind.QUOTE]
    assert len(book) > 1_000
    assert [m.update for m in book] == sorted(m.update or 0 for m in book)
    okx = [m for _, m in understood["single_frames_quoted_in_public_source.jsonl"] if m.kind is Kind.QUOTE]
    assert okx
    assert all(m.update and m.event_ms for m in okx)
