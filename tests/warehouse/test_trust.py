"""MDW_CA_FILE: a server whose certificate is signed by a private CA, reached by every client of the warehouse."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlt_pipelines.rest.page_loader import PageLoader
from mdw.publishing import dbt
from tests.conftest import Warehouse
from warehouse import trust
from warehouse.client import connect
from warehouse.errors import BadInput, OperationFailed
from warehouse.migrate import migrate
from warehouse.settings import Settings


def _certificate(folder: Path) -> Path:
    """The CA's certificate; server.crt and server.key are next to it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    (folder / "extensions").write_text("subjectAltName=DNS:localhost\n")
    for command in (
        ["req", "-x509", *key, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"],
        ["req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
        [
            *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", "extensions", "-out", "server.crt"),
        ],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem"


class _Door:
    """Accepts TLS on its own port and forwards the bytes to a plain one."""

    def __init__(self, folder: Path, port: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.crt", folder / "server.key")
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            plain.close()
            return
        server = socket.create_connection(("127.0.0.1", self._to))
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        target.close()


@pytest.fixture
def behind_tls(
    module_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """The admin's URL through TLS, and the CA."""
    authority = _certificate(tmp_path)
    inside = module_warehouse.settings.connection("admin")
    doors = [_Door(tmp_path, port) for port in (inside.http_port, inside.native_port)]
    # Set first, so that what the test installs is undone as well.
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("MDW_HOME", str(tmp_path / "home"))
    yield (
        f"https://{inside.user}:{inside.password}@localhost:{doors[0].port}/?native_port={doors[1].port}",
        authority,
    )
    for door in doors:
        door.close()


def native_one(settings: Settings, venue: str, ca_file: Path | None) -> object:
    """`select 1` by dlt's native driver."""
    with (
        PageLoader(settings.connection("ingest"), settings.home, ca_file) as landing,
        landing._pipeline(venue).destination_client() as destination,
        destination.sql_client as native,
    ):
        return native.execute_sql("select 1")


def test_one_setting_reaches_both_drivers_the_migrations_and_dbt(
    behind_tls: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authority = behind_tls
    monkeypatch.setenv("MDW_CLICKHOUSE_URL", url)
    with pytest.raises(OperationFailed, match="does not answer"):
        connect(Settings.load())
    monkeypatch.setenv("MDW_CA_FILE", str(authority))
    settings = Settings.load()
    with connect(settings) as client:
        assert client.command("select 1") == 1
    # The engine does not store SQL roles: the migrations succeed with a notice.
    outcome = migrate(settings)
    assert outcome.already + len(outcome.applied) > 15
    assert len(outcome.notices) == 1
    assert native_one(settings, "binance", trust.install(settings)) == [(1,)]
    with pytest.raises(Exception, match=r"(?i)certificate"):
        native_one(settings, "okx", None)
    code = (
        "import clickhouse_connect, os; e = os.environ; print(clickhouse_connect.get_client(host=e['MDW_DBT_HOST'], "
        "port=int(e['MDW_DBT_HTTP_PORT']), username=e['MDW_DBT_USER'], password=e['MDW_DBT_PASSWORD'], "
        "interface='https', verify=True).command('select 1'))"
    )
    # As dbt-clickhouse creates its client: without a CA setting.
    asked = subprocess.run(
        [sys.executable, "-c", code], env=dbt.environment(settings), capture_output=True, text=True, timeout=300
    )
    assert asked.stdout == "1\n", asked.stderr


def test_public_authorities_stay_trusted_and_a_file_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "before")
    authority = tmp_path / "ca.pem"
    authority.write_text("# ours\n")
    bundle = trust.install(Settings(home=tmp_path / "home", ca_file=authority))
    assert bundle is not None
    text = bundle.read_text()
    assert text.endswith("# ours\n")
    assert text.count("BEGIN CERTIFICATE") > 50
    monkeypatch.setenv("MDW_CA_FILE", str(tmp_path / "gone.pem"))
    with pytest.raises(BadInput, match=r"MDW_CA_FILE is .*gone\.pem.*there is no such file"):
        Settings.load()
