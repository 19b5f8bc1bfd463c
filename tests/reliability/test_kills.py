"""kill -9 at random moments of `mdw backfill` and `mdw build`, and ClickHouse killed under a build.

MDW_SOAK_KILLS sets how many (50); the moments follow from the seed MDW_SOAK_SEED.
"""

import os
import random
import signal
import threading
import time

import pytest

from mdw import building
from tests.reliability.harness import Line, Window

KILLS = int(os.environ.get("MDW_SOAK_KILLS", "50"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))


def kill_at(line: Line, moment: float, whole_group: bool, *command: str) -> bool:
    """Whether the command was still at work at the moment (seconds after its start)."""
    run = line.start(*command)
    until = time.monotonic() + moment
    while run.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    if run.poll() is not None:
        return False
    if whole_group:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        run.kill()
    run.wait()
    return True


def duration(line: Line, *command: str) -> float:
    began = time.monotonic()
    assert line.start(*command).wait() == 0
    return time.monotonic() - began


def backfill(window: Window) -> tuple[str, ...]:
    narrowed = ("--dataset", "bars", "--market", "spot", "--timeframe", "1m")
    return ("backfill", *narrowed, "--start", window.start.isoformat(), "--end", window.end.isoformat())


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
def test_kills_at_random_moments(line: Line) -> None:
    chance = random.Random(SEED)
    windows = [Window.number(0)]
    landing = duration(line, *backfill(windows[0]))
    build = duration(line, "build", "--snapshot-id", "s0")
    line.pins["s0"] = line.fingerprint("s0")
    kills = 0
    for number in range(1, KILLS + 1):
        window = Window.number(number)
        windows.append(window)
        snapshot = f"s{number}"
        whole = chance.random() < 0.75
        if chance.random() < 0.4:
            kills += kill_at(line, chance.random() * landing, whole, *backfill(window))
            assert line.land(window).complete
        else:
            assert line.land(window).complete
            kills += kill_at(line, chance.random() * build, whole, "build", "--snapshot-id", snapshot)
            line.assert_pins_unchanged()
        if not line.warehouse.rows("select 1 from marts.snapshots where snapshot_id = {id:String}", id=snapshot):
            line.publish(snapshot)
        line.pins[snapshot] = line.fingerprint(snapshot)
        for one in (window, chance.choice(windows)):
            line.assert_true(snapshot, one)
    print(f"{kills} of {KILLS} kills met a process at work (landing {landing:.1f} s, build {build:.1f} s)")  # noqa: T201
    for one in windows:
        line.assert_true(f"s{KILLS}", one)


@pytest.mark.soak
@pytest.mark.parametrize("share", [0.5, 0.7, 0.85])
def test_clickhouse_is_killed_during_a_build(line: Line, share: float) -> None:
    window = Window.number(60 + round(share * 20))
    snapshot = f"cut-{share}"
    line.land(window)
    seconds = 12.0
    threading.Timer(seconds * share, line.warehouse.kill).start()
    result = building.build(line.settings, snapshot)
    line.heal()
    if not result.published:
        line.publish(snapshot)
    line.assert_true(snapshot, window)
