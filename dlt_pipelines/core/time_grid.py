"""Timeframes that the universe may name, and rounding to their grid. All times: UTC, ms since 1970."""

from datetime import UTC, datetime

import yaml

from warehouse.settings import PROJECT

MINUTE_MS = 60_000
# Name -> length in ms. The single source is `vars: timeframes:` of the dbt project, whose models use it too.
TIMEFRAMES: dict[str, int] = yaml.safe_load((PROJECT / "dbt_project" / "dbt_project.yml").read_text())["vars"][
    "timeframes"
]


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
