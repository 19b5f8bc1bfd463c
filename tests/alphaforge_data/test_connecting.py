"""Finding the warehouse, and the errors if there is none."""

from pathlib import Path

import pytest

import alphaforge_data
from alphaforge_data import AlphaforgeDataError, BadRequest, NotReachable
from tests.alphaforge_data.published import Published
from tests.conftest import Warehouse


def test_without_an_url_the_embedded_server_of_mdw_home(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDW_HOME", str(published.warehouse.settings.home))
    with alphaforge_data.connect(cache=False) as client:
        assert client.snapshot().snapshot_id == "second"


def test_mdw_clickhouse_url_takes_precedence_over_mdw_home(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDW_HOME", "/nowhere")
    monkeypatch.setenv("MDW_CLICKHOUSE_URL", published.url)
    with alphaforge_data.connect(cache=False) as client:
        assert client.snapshot("first").data_version < client.snapshot("second").data_version


def test_no_warehouse_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDW_HOME", str(tmp_path))
    with pytest.raises(NotReachable, match=r"no warehouse in .*`mdw up`"):
        alphaforge_data.connect()


def test_no_server_is_listening() -> None:
    with pytest.raises(NotReachable, match=r"No warehouse answers at http://127\S+ \(Connection refused\)\. "):
        alphaforge_data.connect("http://someone:secret@127.0.0.1:9")


def test_a_wrong_password_is_reported_and_not_shown(published: Published) -> None:
    with pytest.raises(NotReachable, match="refuses user 'researcher'") as caught:
        alphaforge_data.connect(published.url.replace("researcher:", "researcher:wrong-"))
    assert "wrong-" not in str(caught.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8123", "ftp://host", "http://", "http://host:port"])
def test_a_malformed_url(url: str) -> None:
    with pytest.raises(BadRequest, match="https://user:password@host:8443"):
        alphaforge_data.connect(url)


def test_nothing_is_published_yet(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDW_HOME", str(warehouse.settings.home))
    with pytest.raises(AlphaforgeDataError, match="`mdw build`"):
        alphaforge_data.connect(cache=False).snapshot()
