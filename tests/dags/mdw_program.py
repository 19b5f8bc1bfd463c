"""`mdw` as called by the tasks, for tests that kill it.

MDW_TEST_KILL names calls to kill once each, with all they started, in their middle: a landing when some of its
requests are answered, a build when its first model stands. MDW_TEST_FAIL names calls that fail at once. Alerts are
written down instead of sent.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "mdw", *sys.argv[1:]]


def main() -> int:
    os.environ["PYTHONPATH"] = str(PROJECT)
    called = " ".join(sys.argv[1:])
    if sys.argv[1] == "notify":
        with (Path(os.environ["MDW_HOME"]) / "alerts.jsonl").open("a") as alerts:
            alerts.write(json.dumps(sys.argv[1:]) + "\n")
        return 0
    if any(called.startswith(name) for name in named("MDW_TEST_FAIL")):
        sys.stderr.write("fails, as the test wants\n")
        return 1
    mark = Path(os.environ["MDW_HOME"]) / f"killed-{'-'.join(sys.argv[1:4]).replace('/', '_')}"
    if not any(called.startswith(name) for name in named("MDW_TEST_KILL")) or mark.exists():
        os.execv(sys.executable, COMMAND)
    mark.touch()
    middle = building() if sys.argv[1] == "build" else landing()
    process = subprocess.Popen(COMMAND, start_new_session=True)
    while process.poll() is None and not middle():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    sys.stderr.write(f"killed in the middle: {process.wait()}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


def named(variable: str) -> list[str]:
    return [name for name in os.environ.get(variable, "").split(",") if name]


def building():
    """Whether dbt's own log shows that a versioned model was written since now."""
    log = Path(os.environ["MDW_HOME"]) / "dbt" / "logs" / "dbt.log"

    def written() -> int:
        return log.read_text(errors="replace").count("OK created sql versioned model") if log.exists() else 0

    before = written()
    return lambda: written() > before


def landing():
    """Number of requests that the replay answered since now."""
    url = os.environ["MDW_TEST_REPLAY"] + "/__replay__/requests"

    def answered() -> int:
        with urlopen(url) as reply:
            return sum(json.load(reply)["counts"].values())

    before = answered()
    return lambda: answered() - before >= int(os.environ["MDW_TEST_KILL_REQUESTS"])


if __name__ == "__main__":
    sys.exit(main())
