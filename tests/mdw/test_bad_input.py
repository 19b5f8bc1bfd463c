"""Invalid input: one clear message, the right exit code, nothing changed."""

import socket

import pytest

from mdw.cli import entry_point
from tests.conftest import Warehouse


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `mdw` with these arguments; returns (exit code, stderr on one line)."""

    def call(*words: str, **environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["mdw", *words])
        with pytest.raises(SystemExit) as ended:
            entry_point.main()
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return int(ended.value.code or 0), " ".join(said.split())

    return call


@pytest.fixture
def inside(module_warehouse: Warehouse, run):
    """The same with a running warehouse; checks afterwards that nothing landed."""

    def call(*words: str, **environment: str) -> tuple[int, str]:
        return run(*words, **module_warehouse.environment, **environment)

    yield call
    assert module_warehouse.rows("select count() from ops.coverage") == [(0,)]
    assert module_warehouse.rows("select count() from ops.builds") == [(0,)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--venue", "kraken"], "venue 'kraken' is not in the universe; allowed are binance, okx, bybit"),
        (["--symbol", "DOGE/USDT"], "symbol 'DOGE/USDT' is not in the universe; allowed are BTC/USDT"),
        (["--timeframe", "7m"], "timeframe '7m' is not in the universe; allowed are 1m, 1h"),
        (["--dataset", "trades"], "dataset 'trades' is not in the universe; allowed are bars, funding"),
        (["--start", "2025-01-02T00:00:00Z", "--end", "2025-01-01T00:00:00Z"], "is not after --start"),
        (["--start", "2025-01-02T00:00:00"], "a time without a time zone. For UTC write 2025-01-02T00:00:00Z"),
        (["--start", "yesterday"], "which is not a time. Write it like 2025-01-28T00:00:00Z"),
        (["--end", "2199-01-01T00:00:00Z"], "--end is 2199-01-01T00:00:00+00:00, in the future"),
        (
            ["--venue", "bybit", "--market", "perp"],
            "Nothing in the universe matches --venue bybit --market perp together",
        ),
    ],
)
def test_backfill(inside, words, says):
    code, said = inside("backfill", *words)
    assert (code, says in said) == (2, True), said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("version: [", "is not valid YAML"),
        ("- a\n- list", "is not a mapping"),
        ("version: 1\nhistory: {start: 2021-01-01T00:00:00Z}\ntimeframes: [1m, 7m]", "'7m'"),
        (
            "version: 1\nhistory: {start: 2021-01-01T00:00:00Z}\ntimeframes: [1m]\nbars: {mtgox: {spot: [BTC/USDT]}}",
            "'mtgox'",
        ),
        ("version: 1\nhistory: {start: 2021-01-01T00:00:00Z}\ntimeframes: [1m]\nbar: {}", "key bar is unknown"),
        ("version: 1\nhistory: {start: 2021-01-01T00:00:00}\ntimeframes: [1m]", "history.start"),
    ],
)
def test_a_malformed_universe(inside, tmp_path, content, says):
    path = tmp_path / "universe.yml"
    path.write_text(content)
    code, said = inside("update", MDW_UNIVERSE=str(path))
    assert (code, says in said, str(path) in said.replace(" ", "")) == (2, True, True), said


def test_a_universe_that_is_not_there(inside, tmp_path):
    code, said = inside("backfill", MDW_UNIVERSE=str(tmp_path / "none.yml"))
    assert code == 2
    assert "cannot be read" in said


def test_a_snapshot_id_that_cannot_be(inside):
    code, said = inside("build", "--snapshot-id", "a b; drop table x")
    assert code == 2
    assert "is not allowed: 1 to 64 letters, digits" in said


def test_sql_that_writes_is_refused(inside):
    code, said = inside("sql", "drop table ops.builds")
    assert code == 2
    assert "rejected the query" in said


def test_a_server_that_does_not_answer(run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, said = run("status", MDW_CLICKHOUSE_URL=f"http://someone:s3cret@127.0.0.1:{port}/")
    assert code == 1
    assert f"ClickHouse does not answer at http://127.0.0.1:{port}" in said
    assert "Check the address in MDW_CLICKHOUSE_URL" in said
    assert "s3cret" not in said


def test_a_server_that_refuses_the_password(run, module_warehouse: Warehouse):
    port = module_warehouse.settings.connection("admin").http_port
    code, said = run("status", MDW_CLICKHOUSE_URL=f"http://admin:wr0ng@127.0.0.1:{port}/")
    assert code == 1
    assert "refuses user 'admin': wrong user or password" in said
    assert "wr0ng" not in said


@pytest.mark.parametrize(
    ("url", "says"),
    [("localhost:8123", "it must look like"), ("http://host:eighty/", "a port that is not a number")],
)
def test_a_url_that_is_none(run, url, says):
    code, said = run("status", MDW_CLICKHOUSE_URL=url)
    assert (code, says in said) == (2, True), said


def test_commands_before_the_first_up_say_what_to_do(run, tmp_path):
    code, said = run("backfill", MDW_HOME=str(tmp_path / "new"))
    assert code == 1
    assert "Start one with `mdw up`" in said


def test_a_folder_without_recordings_is_named(run, tmp_path):
    """It used to end in a traceback: max() of nothing."""
    code, said = run("demo", "--recordings", str(tmp_path), MDW_HOME=str(tmp_path / "home"))
    assert code == 2
    assert "has none of the files" in said
    assert not (tmp_path / "home").exists()


def test_a_bad_variable_is_named(run):
    code, said = run("status", MDW_HTTP_PORT="eighty")
    assert code == 2
    assert "MDW_HTTP_PORT is 'eighty'" in said


def test_the_demo_does_not_fill_a_real_server(run):
    code, said = run("demo", MDW_CLICKHOUSE_URL="http://user@db.example:8123/")
    assert code == 2
    assert "Unset MDW_CLICKHOUSE_URL" in said


def test_unknown_options_and_commands(run):
    assert run("backfil")[0] == 2
    assert run("backfill", "--nonsense")[0] == 2
