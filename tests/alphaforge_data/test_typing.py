"""pyright refuses every wrong call of typed_calls.py and accepts every right one; mypy does so in `make lint`."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.needs import missing
from warehouse.project import PROJECT

CALLS = PROJECT / "tests" / "alphaforge_data" / "typed_calls.py"
MARK = "  # type: ignore"


def test_pyright_refuses_exactly_the_wrong_calls(tmp_path: Path) -> None:
    pyright = shutil.which("pyright")
    if pyright is None:
        missing("pyright", "no pyright on the PATH: `npm install --global pyright`")
    lines = CALLS.read_text().splitlines()
    (tmp_path / "calls.py").write_text("\n".join(line.removesuffix(MARK) for line in lines))
    settings = {"include": ["calls.py"], "extraPaths": [str(PROJECT)], "venvPath": str(PROJECT), "venv": ".venv"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    ended = subprocess.run([pyright, "--outputjson", "-p", str(tmp_path)], capture_output=True, text=True)
    found = json.loads(ended.stdout)["generalDiagnostics"]
    refused = {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"}
    assert refused == {number for number, line in enumerate(lines, 1) if line.endswith(MARK)}
