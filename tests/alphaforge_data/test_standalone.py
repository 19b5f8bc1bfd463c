"""The package installs on its own and imports nothing else of this repository."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.alphaforge_data.published import Published
from warehouse.project import PROJECT

CHECK = """
import sys
import alphaforge_data
others = {"warehouse", "mdw", "dlt_pipelines", "replay", "pandas", "dbt", "dlt"} & set(sys.modules)
print(alphaforge_data.__file__, sorted(others))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's own wheel, built from a copy of its folder, as by `make wheel`."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "alphaforge_data"
    shutil.copytree(PROJECT / "alphaforge_data", copy, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (found,) = folder.glob("alphaforge_data-*.whl")
    return found


def test_its_wheel_is_small_and_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info" not in name}
        metadata = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
    folder = PROJECT / "alphaforge_data"
    modules = {f"alphaforge_data/{path.relative_to(folder)}" for path in folder.rglob("*.py")}
    # The reference page is generated in the repository only.
    assert held == modules - {"alphaforge_data/reference.py"} | {"alphaforge_data/py.typed"}
    assert wheel.stat().st_size < 100_000
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    names = [re.split(r"[<>=]", line.split()[1])[0] for line in needed]
    assert names == ["clickhouse-connect", "numpy", "pyarrow", "xxhash"]


def test_its_wheel_works_without_the_rest(wheel: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(wheel)!r})\n{CHECK}"
    # -I: neither the working folder nor PYTHONPATH, where the repository's own copy would be found.
    done = subprocess.run([sys.executable, "-I", "-c", script], cwd="/", check=True, capture_output=True, text=True)
    assert done.stdout.split() == [f"{wheel}/alphaforge_data/__init__.py", "[]"]


READ = """
import sys
import alphaforge_data
client = alphaforge_data.connect(sys.argv[1], snapshot_id="first", cache=False)
bars = client.bars("BTC/USDT", "4h", venue="binance", market="perp")
print(len(bars), bars.snapshot.snapshot_id, bars.to_numpy()["close"].dtype)
print(sorted({"pandas", "polars", "warehouse", "mdw"} & set(sys.modules)))
try:
    bars.to_pandas()
except ImportError as error:
    print("needs", error.name)
"""


@pytest.mark.soak
def test_pip_installs_it_alone_into_a_new_environment(wheel: Path, tmp_path: Path, published: Published) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    done = subprocess.run(
        [python, "-I", "-c", READ, published.url], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [f"{43 * 6} first float64", "[]", "needs pandas"]
