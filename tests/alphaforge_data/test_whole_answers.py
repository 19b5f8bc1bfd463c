"""Results have all rows of the snapshot that they name, or there is an error."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import alphaforge_data
from alphaforge_data import Client, NotReachable, QueryFailed, ShortAnswer, SnapshotChanged, UnknownSnapshot
from tests.alphaforge_data.published import Published

PERP: dict[str, Any] = {"venue": "binance", "market": "perp"}


@pytest.fixture
def third(published: Published) -> Iterator[Published]:
    """An additional snapshot `third` of the same version as `first`, removed afterwards."""
    with published.warehouse.client() as admin:
        _publish(published, "third", "first")
        yield published
        admin.command("alter table marts.snapshots delete where snapshot_id = 'third' settings mutations_sync = 2")
        admin.command("alter table marts.snapshot_manifest delete where version = 99 settings mutations_sync = 2")


def _publish(published: Published, snapshot_id: str, like: str, version: int | None = None) -> None:
    """A row of the registry as written by a publication, for the rows of another snapshot."""
    with published.warehouse.client() as admin:
        admin.command(
            "insert into marts.snapshots select * replace ({id:String} as snapshot_id, now64(3) as published_at, "
            "coalesce({version:Nullable(UInt32)}, old.data_version) as data_version) "
            "from marts.snapshots as old where old.snapshot_id = {like:String}",
            parameters={"id": snapshot_id, "like": like, "version": version},
        )


def _drop(published: Published, snapshot_id: str) -> None:
    with published.warehouse.client() as admin:
        admin.command(
            "alter table marts.snapshots delete where snapshot_id = {id:String} settings mutations_sync = 2",
            parameters={"id": snapshot_id},
        )


@pytest.mark.parametrize("cached", [False, True])
def test_an_id_published_again_while_a_client_lives(third: Published, tmp_path: Path, cached: bool) -> None:
    client = alphaforge_data.connect(third.url, snapshot_id="third", cache=tmp_path if cached else False)
    before = client.bars("SOL/USDT", "1h", **PERP)
    _drop(third, "third")
    _publish(third, "third", "second")
    with pytest.raises(SnapshotChanged, match=r"'third' .* was published again with other rows"):
        client.funding("SOL/USDT", venue="binance")
    after = client.bars("SOL/USDT", "1h", **PERP)
    second = third.connect("second").bars("SOL/USDT", "1h", **PERP)
    assert after.equals(second)
    assert after.snapshot.identity != before.snapshot.identity
    assert after.snapshot.data_version == second.snapshot.data_version


def test_an_id_dropped_while_a_client_lives(third: Published) -> None:
    client = third.connect("third")
    client.series()
    _drop(third, "third")
    # The view no longer knows the id, or the check after the read notices that it is gone: never rows.
    with pytest.raises((SnapshotChanged, QueryFailed)):
        client.bars("SOL/USDT", "1h", **PERP)
    with pytest.raises((SnapshotChanged, UnknownSnapshot)):
        third.connect("third")


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(
    ("timeframe", "words"),
    [
        ("1h", r"360 rows of binance:perp:SOL/USDT 1h in 2025-05, .* has 361"),
        ("1d", r"1,056 rows of binance:perp:SOL/USDT 1h, .* has 1,057"),
    ],
)
def test_a_server_that_holds_less_than_was_published(
    third: Published, tmp_path: Path, cached: bool, timeframe: Any, words: str
) -> None:
    """Like a lagging replica: the registry and the manifest are there, some rows are not."""
    _drop(third, "third")
    _publish(third, "third", "second", version=99)
    with third.warehouse.client() as admin:
        admin.command(
            "insert into marts.snapshot_manifest select 99, dataset, instrument_id, timeframe, month, row_count + 1, "
            "content_hash from marts.snapshot_manifest where dataset in ('bars', 'funding') "
            "and instrument_id = 'binance:perp:SOL/USDT' and month = '2025-05-01' and version < 99"
        )
    client: Client = alphaforge_data.connect(third.url, snapshot_id="third", cache=tmp_path if cached else False)
    with pytest.raises(ShortAnswer, match=words):
        client.bars("SOL/USDT", timeframe, **PERP)
    with pytest.raises(ShortAnswer, match=r"mdw snapshot verify third"):
        client.funding("SOL/USDT", venue="binance")
    assert len(client.bars("BTC/USDT", timeframe, **PERP)) > 0


def test_a_failure_in_the_middle_of_an_answer_is_an_error(published: Published) -> None:
    client = published.connect()
    query = "select number, throwIf(number = 3000000, 'broken in the middle') from numbers(4000000)"
    with pytest.raises(QueryFailed, match="broken in the middle"):
        client.sql(f"{query} settings max_threads = 1, max_block_size = 65536")


class _Cut:
    """A proxy that ends every response after `limit` bytes."""

    def __init__(self, url: str):
        self.limit = 1 << 60
        parts = urlsplit(url)
        self._server = str(parts.hostname), int(parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"http://{parts.username}:{parts.password}@127.0.0.1:{port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._server)
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_cut: bool) -> None:
        sent = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                data = data[: max(0, self.limit - sent)] if is_cut else data
                if not data:
                    break
                sink.sendall(data)
                sent += len(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("cached", [False, True])
def test_an_answer_that_is_cut_off_anywhere_is_an_error(published: Published, tmp_path: Path, cached: bool) -> None:
    proxy = _Cut(published.url)
    try:
        client = alphaforge_data.connect(proxy.url, snapshot_id="first", cache=tmp_path if cached else False)
        client.series("bars")
        pools: Any = client._reader._transport._driver.http  # type: ignore[union-attr]
        for limit in (0, 300, 700, 5_000, 20_000, 40_000):
            # The next read connects anew.
            pools.clear()
            proxy.limit = limit
            with pytest.raises((QueryFailed, NotReachable)):
                client.bars(["BTC/USDT", "SOL/USDT"], "1h", **PERP)
        proxy.limit = 1 << 60
        assert client.bars("SOL/USDT", "1h", **PERP).equals(published.connect().bars("SOL/USDT", "1h", **PERP))
    finally:
        proxy.close()


def test_a_connection_serves_many_reads(published: Published) -> None:
    client = published.connect()
    pools: Any = client._reader._transport._driver.http.pools  # type: ignore[union-attr]
    port = published.warehouse.settings.connection("researcher").http_port
    (pool,) = [pools.get(key) for key in pools.keys() if key.key_port == port]  # noqa: SIM118
    connections, requests = pool.num_connections, pool.num_requests
    for _ in range(5):
        client.bars("SOL/USDT", "1h", **PERP)
    assert pool.num_requests - requests >= 10
    # One for the rows, one for the check beside them.
    assert pool.num_connections - connections <= 2
