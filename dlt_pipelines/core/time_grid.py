"""Timeframes that the universe may name, and rounding to their grid. All times: UTC, ms since 1970."""

import re
from datetime import UTC, datetime

from warehouse.project import PROJECT

MINUTE_MS = 60_000


def _timeframes() -> dict[str, int]:
    """Name and length in ms, from `vars: timeframes:` of the dbt project, whose models use the same list.

    Read without a YAML parser: Airflow's environment on MWAA imports this module and lacks ours.
    """
    text = (PROJECT / "dbt_project" / "dbt_project.yml").read_text()
    block = re.search(r"^  timeframes:\n((?: {4}\w+: \d+\n)+)", text, re.MULTILINE)
    if block is None:
        raise ValueError("dbt_project.yml has no list `timeframes:` with lines such as `    1m: 60000`")
    return {name: int(length) for name, length in re.findall(r"(\w+): (\d+)", block[1])}


TIMEFRAMES = _timeframes()


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, truncated to the millisecond."""
    return int(moment.timestamp() * 1000 + 0.0005)


def from_ms(ms: int) -> datetime:
    """Aware UTC datetime, exact to the millisecond."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def floor_to(ms: int, step_ms: int) -> int:
    """The last grid instant at or before."""
    return ms - ms % step_ms


def ceil_to(ms: int, step_ms: int) -> int:
    """The first grid instant at or after."""
    return -(-ms // step_ms) * step_ms
