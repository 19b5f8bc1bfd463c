"""Pinned reads are cached as files: found whenever the content is the same, and never wrong."""

import logging
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Client, NotCached, NotReachable
from alphaforge_data.cache import Store, container, default_folder
from alphaforge_data.transport import Transport
from tests.alphaforge_data.published import END, START, Published

SMALL = pa.table({"close": [1.5, 2.5], "name": pa.array(["a", "b"]).dictionary_encode()})
KEY = {"content": "0"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The text of every query that this process sends."""
    queries: list[str] = []
    stream = Transport.stream

    def counted(self: Transport, query: str, parameters: dict[str, object]) -> object:
        queries.append(query)
        return stream(self, query, parameters)

    monkeypatch.setattr(Transport, "stream", counted)
    return queries


def perps(client: Client, **more: object) -> alphaforge_data.Frame:
    window: dict[str, Any] = {
        "timeframe": "1h",
        "start": START,
        "end": END,
        "venue": "binance",
        "market": "perp",
    } | more
    return client.bars("BTC/USDT", **window)


def of_bars(queries: list[str]) -> int:
    return sum("v_bars_at" in query for query in queries)


def test_windows_and_columns_of_what_was_read_are_not_asked_again(
    published: Published, tmp_path: Path, asked: list[str]
) -> None:
    plain = published.connect()
    client = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
    assert perps(client).equals(perps(plain))
    asked.clear()
    again = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
    for columns in (["close"], ["open_time", "high"], None):
        for start, end in ((START, END), ("2025-06-03T05:00Z", "2025-06-10"), ("2025-05-31", "2025-06-01T01:00Z")):
            frame = perps(again, start=start, end=end, columns=columns)
            assert of_bars(asked) == 0
            assert frame.equals(perps(plain, start=start, end=end, columns=columns))
            asked.clear()
    assert perps(again, columns="all").equals(perps(plain, columns="all"))


def test_a_later_snapshot_with_the_same_month_finds_it(published: Published, tmp_path: Path, asked: list[str]) -> None:
    perps(alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path))
    asked.clear()
    second = alphaforge_data.connect(published.url, snapshot_id="second", cache=tmp_path)
    # May did not change between the two, June did.
    may = perps(second, end="2025-06-01")
    assert of_bars(asked) == 0
    assert may.equals(perps(published.connect("second"), end="2025-06-01"))
    asked.clear()
    assert perps(second).equals(perps(published.connect("second")))


def test_resampled_bars_are_found_by_the_content_of_their_months(
    published: Published, tmp_path: Path, asked: list[str]
) -> None:
    first = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
    for timeframe in ("4h", "7h", "1w"):
        assert perps(first, timeframe=timeframe, partial="keep").equals(
            perps(published.connect(), timeframe=timeframe, partial="keep")
        )
    asked.clear()
    second = alphaforge_data.connect(published.url, snapshot_id="second", cache=tmp_path)
    # May did not change between the two, June did; a window and a selection of columns are parts of cached content.
    for window in ({"end": "2025-06-01"}, {"start": "2025-05-20T04:00Z", "end": "2025-05-25", "columns": ["close"]}):
        found = perps(second, timeframe="4h", **window)
        assert of_bars(asked) == 0
        assert found.equals(perps(published.connect("second"), timeframe="4h", **window))
        asked.clear()
    assert perps(second, timeframe="4h").equals(perps(published.connect("second"), timeframe="4h"))
    asked.clear()
    perps(second, timeframe="4h", start="2025-06-10")
    assert of_bars(asked) == 0
    offline = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path, offline=True)
    assert perps(offline, timeframe="1w", partial="keep", start=START + timedelta(days=9)).equals(
        perps(published.connect(), timeframe="1w", partial="keep", start=START + timedelta(days=9))
    )


def test_a_read_comes_from_a_mapped_file(published: Published, tmp_path: Path) -> None:
    client = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
    perps(client)
    before = pa.total_allocated_bytes()
    cached = perps(client, columns=["open", "close"])
    assert pa.total_allocated_bytes() - before < cached.to_arrow().nbytes / 2


def test_every_dataset_is_cached(published: Published, tmp_path: Path, asked: list[str]) -> None:
    def read(client: Client) -> list[alphaforge_data.Frame]:
        return [
            client.funding(["BTC/USDT", "SOL/USDT"], START, END, venue="binance"),
            client.instruments(history=True),
            client.fear_greed("2025-06-01"),
            client.gaps("BTC/USDT", "1m", venue="binance"),
            client.bars("BTC/USDT", "1d", venue="binance", market="perp"),
            client.series(),
            client.condition("bars"),
        ]

    expected = read(published.connect())
    read(alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path))
    asked.clear()
    again = read(alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path))
    assert [query for query in asked if "marts.v_snapshots where" not in query] == []
    for one, other in zip(again, expected, strict=True):
        assert one.schema.equals(other.schema)
        assert one.to_pylist() == other.to_pylist()


def test_threads_that_want_one_read_send_one_query(published: Published, tmp_path: Path, asked: list[str]) -> None:
    client = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
    client.series()
    asked.clear()
    barrier = threading.Barrier(8)

    def read(call: Callable[[], object]) -> object:
        barrier.wait()
        return call()

    calls: list[Callable[[], object]] = [
        lambda: len(perps(client)),
        lambda: len(perps(client, timeframe="4h")),
        lambda: client.instruments().num_rows,
        lambda: client.condition().num_rows,
    ]
    with ThreadPoolExecutor(8) as pool:
        for call in calls:
            asked.clear()
            assert len(set(pool.map(read, [call] * 8))) == 1
            assert sum("v_snapshots" not in query for query in asked) == 1, asked


def test_a_client_without_a_server_reads_what_was_read_before(published: Published, tmp_path: Path) -> None:
    url = published.url
    first = perps(alphaforge_data.connect(url, snapshot_id="first", cache=tmp_path))
    offline = alphaforge_data.connect(url, snapshot_id="first", cache=tmp_path, offline=True)
    assert perps(offline).equals(first)
    assert perps(offline).snapshot == first.snapshot
    assert len(perps(offline, start="2025-06-03", end="2025-06-04", columns="close")) == 24
    with pytest.raises(NotCached, match=r"offline and .* does not have"):
        offline.funding("BTC/USDT", venue="binance")
    with pytest.raises(NotCached, match="has no snapshot 'second'"):
        offline.snapshot("second")
    with pytest.raises(BadRequest, match="pass snapshot_id"):
        alphaforge_data.connect(url, cache=tmp_path, offline=True)  # type: ignore[call-overload]
    assert issubclass(NotCached, NotReachable)


def test_without_a_cache_nothing_is_written(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDW_CACHE", str(tmp_path))
    published.connect().fear_greed("2025-06-01", "2025-06-03")
    assert not list(tmp_path.iterdir())
    client = alphaforge_data.connect(published.url)
    client.fear_greed("2025-06-01", "2025-06-03")
    assert client.cache_info().folder == tmp_path
    assert client.cache_info().files == len(list(tmp_path.glob("??/*.arrow"))) > 0
    with pytest.raises(BadRequest, match="has no cache"):
        published.connect().cache_info()


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MDW_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "alphaforge_data"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "alphaforge_data"
    monkeypatch.setenv("MDW_CACHE", "~/mine")
    assert default_folder() == tmp_path / "mine"
    # As in a container whose user id is not in /etc/passwd.
    monkeypatch.setattr(Path, "expanduser", _without_a_home)
    with pytest.raises(BadRequest, match="Set MDW_CACHE"):
        alphaforge_data.connect("http://localhost:1")


def _without_a_home(_: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")


def stored(folder: Path) -> Path:
    Store(folder).put([(KEY, SMALL)])
    (file,) = folder.glob("??/*.arrow")
    return file


@pytest.fixture
def bits(tmp_path: Path) -> tuple[Path, int]:
    """Positions throughout a stored file: header, schema, body and end."""
    file = stored(tmp_path)
    return file, file.stat().st_size


def test_no_flipped_bit_is_ever_served(bits: tuple[Path, int], caplog: pytest.LogCaptureFixture) -> None:
    file, size = bits
    whole = file.read_bytes()
    for position in [*range(64), *range(64, size, 7), size - 1]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        # A new file, as for a later process: a process checks a file only once.
        file.unlink()
        file.write_bytes(damaged)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "alphaforge_data"):
            assert Store(file.parent.parent).get(KEY) is None, position
        assert "is damaged" in caplog.text


def test_a_file_under_the_name_of_another_is_not_served(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = stored(tmp_path)
    store = Store(tmp_path)
    store.put([({"content": "1"}, SMALL.slice(1))])
    (other,) = set(tmp_path.glob("??/*.arrow")) - {file}
    file.unlink()
    file.write_bytes(other.read_bytes())
    assert store.get(KEY) is None
    assert "is damaged" in caplog.text
    assert store.verify() == [file]


@pytest.mark.parametrize("damage", ["cut", "zeros", "empty", "longer"])
def test_a_damaged_file_is_noticed_and_replaced(tmp_path: Path, damage: str) -> None:
    file = stored(tmp_path)
    whole = file.read_bytes()
    file.unlink()
    content = {"cut": whole[:-10], "zeros": whole[:128] + bytes(len(whole) - 128), "empty": b"", "longer": whole + b"x"}
    file.write_bytes(content[damage])
    store = Store(tmp_path)
    assert store.get(KEY) is None
    store.put([(KEY, SMALL)])
    found = store.get(KEY)
    assert found is not None
    assert found.equals(SMALL)
    file.unlink()
    file.write_bytes(content[damage])
    assert store.verify() == [file]
    assert not file.exists()


def test_a_file_of_the_former_format_is_replaced_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = stored(tmp_path)
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(b"AFDATA03" + whole[8:])
    store = Store(tmp_path)
    assert store.get(KEY) is None
    store.put([(KEY, SMALL)])
    found = store.get(KEY)
    assert found is not None
    assert found.equals(SMALL)
    assert caplog.text == ""


def test_the_files_that_were_used_longest_ago_leave_when_the_cache_is_full(tmp_path: Path) -> None:
    table = pa.table({"close": [0.0] * 100})
    store = Store(tmp_path, limit=8000)
    for number in range(4):
        store.put([({"number": number}, table)])
        store.get({"number": 0})
    for number in range(4, 12):
        store.put([({"number": number}, table)])
        store.get({"number": 0})
    assert sum(file.stat().st_size for file in tmp_path.glob("??/*.arrow")) <= 8000
    assert store.get({"number": 0}) is not None
    assert store.get({"number": 11}) is not None
    assert store.get({"number": 1}) is None
    info = store.info()
    assert (info.files, info.bytes) == (
        len(list(tmp_path.glob("??/*.arrow"))),
        sum(file.stat().st_size for file in tmp_path.glob("??/*.arrow")),
    )
    assert store.clear() == info.files
    assert store.info().files == 0


def test_a_lost_index_is_made_again(tmp_path: Path) -> None:
    stored(tmp_path)
    (tmp_path / "index.sqlite").unlink()
    assert Store(tmp_path).info().files == 1
    (tmp_path / "index.sqlite").write_bytes(b"no database")
    store = Store(tmp_path)
    assert store.get(KEY) is not None
    assert store.info().files == 1


@pytest.mark.parametrize(
    "damage", [lambda raw: b"no database", lambda raw: raw[:5000], lambda raw: raw[:18] + b"\xff" + raw[19:]]
)
def test_a_damaged_index_does_not_unbound_the_cache(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    table = pa.table({"close": [0.0] * 100})
    for number in range(4):
        Store(tmp_path).put([({"number": number}, table)])
    index = tmp_path / "index.sqlite"
    index.write_bytes(damage(index.read_bytes()))
    store = Store(tmp_path, limit=8000)
    for number in range(4, 12):
        store.put([({"number": number}, table)])
    files = list(tmp_path.glob("??/*.arrow"))
    assert store.info().files == len(files)
    assert store.info().bytes == sum(file.stat().st_size for file in files) <= 8000


def test_a_file_of_a_killed_process_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = container.publish

    def killed(part: Path, path: Path) -> None:
        publish(part, path)
        raise SystemExit

    Store(tmp_path).put([({"content": "1"}, SMALL)])
    monkeypatch.setattr(container, "publish", killed)
    with pytest.raises(SystemExit):
        Store(tmp_path).put([(KEY, SMALL)])
    assert len(list(tmp_path.glob("??/*.arrow"))) == Store(tmp_path).info().files == 2


def test_verifying_rebuilds_the_index(tmp_path: Path) -> None:
    stored(tmp_path)
    store = Store(tmp_path)
    store._index.add({"none": 1 << 40})
    store.verify()
    assert store.info().files == 1


def test_users_can_share_a_folder(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        file = stored(tmp_path / "shared")
        with Store(tmp_path / "shared").locked(KEY):
            pass
    finally:
        os.umask(before)
    shared = [file, file.parent, *(tmp_path / "shared").iterdir(), *(tmp_path / "shared" / "locks").iterdir()]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in shared}
    assert all(mode & 0o060 == 0o060 for mode in modes.values()), modes


def test_damaged_files_among_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = {number: {"number": number} for number in range(8)}
    Store(tmp_path).put([(key, SMALL) for key in keys.values()])
    files = sorted(tmp_path.glob("??/*.arrow"))
    for file in files[:2]:
        whole = bytearray(file.read_bytes())
        whole[-40] ^= 1
        file.unlink()
        file.write_bytes(whole)
    assert len(Store(tmp_path).get_all(keys)) == 6
    assert caplog.text.count("is damaged") == 2


def test_a_damaged_file_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = stored(tmp_path)
    whole = bytearray(file.read_bytes())
    whole[-40] ^= 1
    file.unlink()
    file.write_bytes(whole)
    store = Store(tmp_path)
    for _ in range(3):
        assert store.get(KEY) is None
        assert store.get_all({1: KEY}) == {}
    assert Store(tmp_path).get(KEY) is None
    assert caplog.text.count("is damaged") == 1
    store.put([(KEY, SMALL)])
    assert store.get(KEY) is not None


def test_nothing_is_stored_if_what_fills_the_cache_fails(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fill() -> None:
        with store.filling() as add:
            add(KEY, SMALL)
            raise RuntimeError("the last part is wrong")

    with pytest.raises(RuntimeError, match="the last part is wrong"):
        fill()
    assert store.get(KEY) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "locks" not in path.parts] == []
    with store.filling() as add:
        add(KEY, SMALL)
        assert store.get(KEY) is None
    assert store.get(KEY) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_keep_a_lock(tmp_path: Path) -> None:
    waiting, release = os.pipe()
    with Store(tmp_path).locked(KEY):
        child = os.fork()
        if not child:
            os.close(release)
            # Its own lock of the parent's thread is forgotten: it waits for nobody who does not exist here.
            os.read(waiting, 1)
            with Store(tmp_path).locked(KEY):
                os._exit(0)
    taken = threading.Event()

    def take() -> None:
        with Store(tmp_path).locked(KEY):
            taken.set()

    try:
        threading.Thread(target=take, daemon=True).start()
        assert taken.wait(10)
    finally:
        os.close(release)
    assert os.waitpid(child, 0)[1] == 0


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stored(tmp_path)
    # The tests may run as root, whom file modes do not stop, so every way to write is patched instead.
    for name in ("utime", "replace", "mkdir"):
        monkeypatch.setattr(os, name, _refuse)
    monkeypatch.setattr("alphaforge_data.cache.container.os.open", _refuse)
    store = Store(tmp_path)
    assert store.get(KEY) is not None
    store.put([({"content": "other"}, SMALL)])
    assert list(tmp_path.glob("??/*.arrow")) == [file]
    taken = tmp_path / "file"
    taken.write_text("")
    Store(taken).put([(KEY, SMALL)])
    assert Store(taken).get(KEY) is None


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError("read-only")


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    file = stored(tmp_path)
    old, new = file.with_suffix(".old.part"), file.with_suffix(".new.part")
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    # Another file, in another folder.
    Store(tmp_path).put([({"content": "1"}, SMALL)])
    assert (old.exists(), new.exists()) == (False, True)


def test_a_process_waits_for_the_one_that_fetches(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from alphaforge_data.cache import Store\n"
        "with Store(Path(sys.argv[1])).locked({'series': 1}):\n"
        "    print('held', flush=True); sys.stdin.read(1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        order: list[str] = []

        def wait() -> None:
            with Store(tmp_path).locked({"series": 1}):
                order.append("mine")

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        assert order == []
        other.stdin.write(b"x")
        other.stdin.close()
        thread.join(30)
        assert order == ["mine"]
