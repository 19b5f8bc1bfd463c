"""Servers, and a plain third-party HTTP client."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from replay.clock import Clock
from replay.recordings import RecordedMarket
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.needs import missing


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


Ask = Callable[..., Answer]


def ask(url: str, *, body: Any = None, method: str | None = None, **query: Any) -> Answer:
    if query:
        url += "?" + urllib.parse.urlencode(query)
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as problem:
        return Answer(problem.code, dict(problem.headers), problem.read().decode())


@pytest.fixture(name="ask")
def _ask() -> Ask:
    return ask


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(seed=7)


NOW = "2025-03-12T09:30:30Z"


@pytest.fixture(scope="session")
def synthetic(market: SyntheticMarket) -> Iterator[ReplayServer]:
    """The synthetic market at 09:30:30 on 2025-03-12; tests must not change it."""
    with ReplayServer(market, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture
def serve(market: SyntheticMarket) -> Iterator[Callable[..., ReplayServer]]:
    """Start servers that a test may change."""
    running: list[ReplayServer] = []

    def start(**options: Any) -> ReplayServer:
        server = ReplayServer(options.pop("market", market), **({"clock": Clock.fixed(NOW)} | options))
        running.append(server.start())
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def recordings_folder() -> Path:
    default = Path(__file__).resolve().parents[2].parent / "shared" / "market_data"
    folder = Path(os.environ.get("MDW_TEST_MARKET_DATA") or default)
    if not folder.is_dir():
        missing("recordings", "no real recordings here: set MDW_TEST_MARKET_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def recorded(recordings_folder: Path) -> RecordedMarket:
    return RecordedMarket(recordings_folder)
