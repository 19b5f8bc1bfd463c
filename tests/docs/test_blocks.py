"""Every block of README and the documentation that can run here runs, in order, against one demo warehouse."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mdw.demo.source import SYNTHETIC_NOW
from tests.docs.blocks import RUNNABLE, Block, blocks
from tests.docs.warm_mdw import write_program
from warehouse import embedded
from warehouse.client import connect
from warehouse.settings import PROJECT, Settings

ALL = list(blocks())
TO_RUN = [block for block in ALL if block.language in RUNNABLE and block.reason is None]
DEMO = "make demo\n"
# What the blocks ask for, and no more.
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
class Desk:
    """A shell after `make demo`: the demo's warehouse, `mdw` on the PATH."""

    settings: Settings
    environment: dict[str, str]
    demo: subprocess.CompletedProcess[str]

    def run(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False, **options
        )

    def bash(self, text: str) -> subprocess.CompletedProcess[str]:
        return self.run("bash", "-euo", "pipefail", "-c", text)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("docs")
    (root / "bin").mkdir()
    (root / "universe.yml").write_text(UNIVERSE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MDW_", "DBT_"))}
    environment |= {"MDW_CACHE": str(root / "cache"), "HOME": str(root), "DO_NOT_TRACK": "1"}
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
            yield Desk(settings, inner, demo)
        finally:
            server.terminate()
            if embedded.status(settings).running:
                embedded.down(settings)


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in ALL if block.language not in (*RUNNABLE, "text")] == []


def test_a_marker_stands_on_what_could_run() -> None:
    assert [str(block) for block in ALL if block.reason and block.language not in RUNNABLE] == []
    assert [str(block) for block in ALL if block.page.name == "README.md" and block.text == DEMO]
    assert len(TO_RUN) > 12


def test_the_demo_works_and_wants_no_more_than_it_lands(desk: Desk) -> None:
    assert desk.demo.returncode == 0, desk.demo.stderr
    assert "Snapshot demo: backtest run twice, results equal" in desk.demo.stdout
    assert "of the limit" not in desk.demo.stderr
    missing = desk.bash("mdw sql --json \"select count() from marts.v_bar_gaps where class = 'not_fetched'\"")
    assert missing.stdout == "[[0]]\n"
    warnings = desk.bash("mdw audit --last --json | grep -o '\"warn\": [0-9]*'").stdout
    assert warnings == '"warn": 0\n', desk.bash("mdw audit --last").stdout


@pytest.mark.parametrize("block", [block for block in TO_RUN if block.text != DEMO], ids=str)
def test_block(desk: Desk, block: Block) -> None:
    if block.language == "sql":
        with connect(desk.settings, "researcher") as client:
            for statement in filter(str.strip, block.text.split(";\n")):
                assert client.query(statement).result_rows, statement
        return
    ended = desk.bash(block.text) if block.language == "bash" else desk.run(sys.executable, "-c", block.text)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "Traceback" not in ended.stderr
    assert "\x1b[" not in ended.stdout
