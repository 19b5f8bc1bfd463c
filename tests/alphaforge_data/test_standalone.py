"""The package installs alone and imports nothing else of this repository."""

import shutil
import subprocess
import sys
from pathlib import Path

from warehouse.settings import PROJECT

CHECK = """
import sys
import alphaforge_data
others = {"warehouse", "mdw", "dlt_pipelines", "replay", "pandas", "dbt", "dlt"} & set(sys.modules)
print(alphaforge_data.__file__, sorted(others))
"""


def test_its_wheel_works_without_the_rest(tmp_path: Path) -> None:
    copy = tmp_path / "alphaforge_data"
    shutil.copytree(PROJECT / "alphaforge_data", copy, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("alphaforge_data-*.whl")
    script = f"import sys; sys.path.insert(0, {str(wheel)!r})\n{CHECK}"
    # -I: neither the working folder nor PYTHONPATH, where the repository's own copy would be found.
    done = subprocess.run([sys.executable, "-I", "-c", script], cwd="/", check=True, capture_output=True, text=True)
    assert done.stdout.split() == [f"{wheel}/alphaforge_data/__init__.py", "[]"]
