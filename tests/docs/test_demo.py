"""On one demo warehouse: every block of README and the documentation that can run here, what commands print on a
terminal of 80 columns and on a pipe, and dbt by hand.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mdw.demo.source import SYNTHETIC_NOW
from mdw.revision import code_revision
from tests.docs.blocks import RUNNABLE, Block, blocks
from tests.docs.terminal import on_a_terminal
from tests.docs.warm_mdw import write_program
from warehouse import embedded
from warehouse.client import connect
from warehouse.project import PROJECT
from warehouse.settings import Settings

ALL = list(blocks())
TO_RUN = [block for block in ALL if block.language in RUNNABLE and block.reason is None]
DEMO = "make demo\n"
# Only what the blocks need.
UNIVERSE = """
version: 1
history: {start: 2021-01-01T00:00:00Z}
timeframes: [1m, 1h]
bars:
  binance:
    spot: [BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT]
  okx:
    spot: [BTC/USDT]
funding:
  okx:
    perp: [BTC/USDT]
"""


@dataclass
class Shell:
    """A shell after `make demo`: the demo's warehouse, `mdw` on the PATH."""

    settings: Settings
    environment: dict[str, str]
    demo: subprocess.CompletedProcess[str]

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False, **options
        )

    def bash(self, text: str) -> subprocess.CompletedProcess[str]:
        return self.run("bash", "-euo", "pipefail", "-c", text)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    root = tmp_path_factory.mktemp("docs")
    (root / "bin").mkdir()
    (root / "universe.yml").write_text(UNIVERSE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MDW_", "DBT_"))}
    environment |= {"MDW_CACHE": str(root / "cache"), "DO_NOT_TRACK": "1"}
    outer = {**environment, "MDW_HOME": str(root / "mdw"), "MDW_UNIVERSE": str(root / "universe.yml")}
    demo = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", DEMO], env=outer, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    home = root / "mdw" / "demo" / "synthetic-7"
    settings = Settings(home=home, now=SYNTHETIC_NOW)
    programs = f"{root / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    inner = {**environment, "PATH": programs, "MDW_HOME": str(home), "MDW_NOW": SYNTHETIC_NOW.isoformat()}
    address = root / "mdw.socket"
    write_program(root / "bin", address)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.docs.warm_mdw", str(address)], env=inner, cwd=PROJECT
    ) as server:
        try:
            while not address.exists() and server.poll() is None:
                time.sleep(0.05)
            yield Shell(settings, inner, demo)
        finally:
            server.terminate()
            if embedded.status(settings).running:
                embedded.down(settings)


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in ALL if block.language not in (*RUNNABLE, "json", "text")] == []


def test_a_marker_is_only_on_blocks_that_cannot_run() -> None:
    assert [str(block) for block in ALL if block.reason and block.language not in RUNNABLE] == []
    assert [str(block) for block in ALL if block.page.name == "README.md" and block.text == DEMO]
    assert len(TO_RUN) > 12


def test_the_demo_works_and_wants_no_more_than_it_lands(shell: Shell) -> None:
    assert shell.demo.returncode == 0, shell.demo.stderr
    assert "Snapshot demo: backtest run twice, results equal" in shell.demo.stdout
    assert "of the limit" not in shell.demo.stderr
    missing = shell.bash("mdw sql --json \"select count() from marts.v_bar_gaps where class = 'not_fetched'\"")
    assert missing.stdout == "[[0]]\n"
    page = (shell.settings.home / "reports" / "data_quality.html").read_text()
    assert "<td>okx perp BTC/USDT</td>" in page
    assert "every 8 h" in page
    assert "Fear &amp; Greed index" in page
    warnings = shell.bash("mdw audit --last --json | grep -o '\"warn\": [0-9]*'").stdout
    assert warnings == '"warn": 0\n', shell.bash("mdw audit --last").stdout


@pytest.mark.parametrize("block", [block for block in TO_RUN if block.text != DEMO], ids=str)
def test_block(shell: Shell, block: Block) -> None:
    if block.language == "sql":
        with connect(shell.settings, "researcher") as client:
            for statement in filter(str.strip, block.text.split(";\n")):
                assert client.query(statement).result_rows, statement
        return
    ended = shell.bash(block.text) if block.language == "bash" else shell.run(sys.executable, "-c", block.text)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "Traceback" not in ended.stderr


def test_the_notebook_runs_from_top_to_bottom(shell: Shell) -> None:
    notebook = PROJECT / "examples" / "alphaforge" / "reading.ipynb"
    ended = shell.run(sys.executable, "-m", "tests.docs.notebook", str(notebook))
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "Snapshot(snapshot_id='demo'" in ended.stdout
    assert len(re.findall(r"^c\d+: ", ended.stdout, re.MULTILINE)) > 5


# What users see first; each prints a table or a list.
COMMANDS = (
    "status",
    "snapshot list",
    "snapshot show demo",
    "snapshot verify demo",
    "snapshot diff demo demo",
    "audit --last",
    "audit --quarantined",
    "sql \"select * from marts.v_bars_at(snapshot_id = 'demo') order by all limit 3\"",
    'sql "select gap_start, class, instrument_id from marts.v_bar_gaps limit 5"',
    'sql "select audit, severity, runbook from marts.dq_audit_results limit 5"',
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_of_80_columns_breaks_no_word_and_a_pipe_is_not_cut(shell: Shell, command: str) -> None:
    piped = shell.bash(f"mdw {command}")
    assert piped.returncode == 0, piped.stderr
    code, shown = on_a_terminal(["bash", "-c", f"mdw {command}"], shell.environment)
    assert code == 0, shown
    assert "\x1b" not in piped.stdout
    assert [line for line in piped.stdout.splitlines() if line != line.rstrip()] == []
    # Ages and durations differ between calls.
    changing = re.compile(r"[\d.,]+")
    words = {word for word in piped.stdout.split() if not changing.fullmatch(word)}
    assert sorted(words - set(shown.split())) == []
    wide = [line for line in shown.splitlines() if len(line) > 80 and len(line.split()) > 2]
    assert wide == []


def test_what_a_pipe_gets_is_one_record_a_line(shell: Shell) -> None:
    query = "select *, 'a\\nb' as lines from marts.v_bars_at(snapshot_id = 'demo') limit 7"
    assert len(shell.run("mdw", "sql", query).stdout.splitlines()) == 8


def test_sql_prints_what_is_stored(shell: Shell) -> None:
    query = (
        "select 0.1 + 0.2 as double, toFloat32(0.1) as single, 1e-320 as denormal, NULL as nothing, '' as empty, "
        "[1.5, NULL] as list, toDate('2025-01-01') as day, toDecimal64('1.100', 3) as price, "
        "toDateTime64('2025-01-01 00:00:00.123456789', 9, 'UTC') as instant, 12345678901234567 as number, nan as odd"
    )
    values = [0.30000000000000004, 0.1, 1e-320, None, "", [1.5, None], "2025-01-01", "1.100"]
    values += ["2025-01-01T00:00:00.123456789Z", 12345678901234567, "nan"]
    assert json.loads(shell.run("mdw", "sql", "--json", query).stdout) == [values]
    line = shell.run("mdw", "sql", query).stdout.splitlines()[1]
    assert line.split("  ")[0] == "0.30000000000000004"
    for text in ("NULL", "[1.5, null]", "1.100", "2025-01-01T00:00:00.123456789Z", " 12345678901234567 "):
        assert text in line
    assert shell.run("mdw", "sql", "select throwIf(number = 9e5) from numbers(1e6)").returncode == 2


def test_env_gives_the_password_to_a_pipe_and_to_who_asks_for_it(shell: Shell) -> None:
    password = shell.settings.connection("transform").password
    assert json.loads(shell.bash("mdw env --format json").stdout)["MDW_DBT_PASSWORD"] == password
    assert shell.bash('eval "$(mdw env)"; printf %s "$MDW_DBT_PASSWORD"').stdout == password
    assert password in shell.bash("mdw env --format dotenv").stdout
    assert password not in on_a_terminal(["mdw", "env"], shell.environment)[1]
    assert password in on_a_terminal(["mdw", "env", "--show-password"], shell.environment)[1]
    assert shell.bash("mdw env --format yaml").returncode == 2


def test_dbt_by_hand_has_the_universe_and_what_vars_give_comes_first(shell: Shell) -> None:
    assert shell.bash("mdw dbt").returncode == 2
    assert shell.bash("mdw dbt -- no-such-command").returncode == 2
    given = "{snapshot_id: by-hand, code_revision: mine}"
    compiled = shell.bash(f"mdw dbt -- --quiet compile --select snapshots --vars '{given}'")
    assert compiled.returncode == 0, compiled.stderr
    assert "\x1b" not in compiled.stdout
    assert "'by-hand' as snapshot_id" in compiled.stdout
    assert "'mine' as code_revision" in compiled.stdout
    listed = shell.bash("mdw dbt -- --quiet compile --select universe_series").stdout
    assert "('bars', 'okx', 'spot', 'BTC/USDT', '1h', '2025-06-17 01:00:00')" in listed


def test_env_holds_the_code_revision_and_where_it_is_from(shell: Shell) -> None:
    run = json.loads(json.loads(shell.bash("mdw env --format json").stdout)["MDW_DBT_RUN"])
    assert run["code_revision"] == f"{code_revision()} (mdw env)"


def test_the_example_explains_itself(shell: Shell) -> None:
    said = shell.run(sys.executable, "examples/alphaforge/pinned_backtest.py", "--help")
    assert (said.returncode, "usage: pinned_backtest.py [-h] [snapshot_id]" in said.stdout) == (0, True)
