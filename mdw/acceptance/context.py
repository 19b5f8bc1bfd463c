"""What the criteria look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mdw.acceptance.airflow import AirflowApi
from mdw.acceptance.verdict import Seen
from mdw.backtest import Parameters
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings
from warehouse.utc import aware_utc


class Surroundings(Protocol):
    """What only the cloud's own API shows of a deployment."""

    def services(self) -> Sequence[Seen]:
        """Environment, secrets, buckets."""

    def alerts(self) -> Sequence[Seen]:
        """Alarms, their subscribers, and whether their metrics arrive."""


@dataclass(frozen=True)
class Context:
    """`snapshot` is the pin under test, `newest` the newest one; `max_age` is allowed between two publications."""

    settings: Settings
    snapshot: snapshots.Snapshot
    newest: snapshots.Snapshot
    max_age: timedelta
    parameters: Parameters
    airflow: AirflowApi | None = None
    cloud: Surroundings | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        snapshot_id: str | None,
        max_age: timedelta,
        parameters: Parameters,
        airflow: AirflowApi | None = None,
        cloud: Surroundings | None = None,
    ) -> "Context":
        """Raises BadInput where nothing is published or the snapshot is unknown, OperationFailed without ClickHouse."""
        with connect(settings) as client:
            known = snapshots.published(client)
            if not known:
                raise BadInput(
                    "Nothing is published yet, so nothing can be accepted: `mdw backfill`, then `mdw build`. "
                    "Or try it on this machine alone: `mdw acceptance --local`."
                )
            chosen = snapshots.find(client, snapshot_id) if snapshot_id else known[0]
        return cls(settings, chosen, known[0], max_age, parameters, airflow, cloud)

    @property
    def replayed(self) -> bool:
        """Whether exchanges are asked elsewhere than at their own address."""
        return any(self.settings.origins.values())

    @property
    def last_whole_day(self) -> datetime:
        """The end (exclusive, UTC) of what must have landed by now: today is the schedule's business."""
        moment = self.settings.clock() - self.max_age
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def age(self) -> timedelta:
        """Of the newest publication."""
        return datetime.now(UTC) - aware_utc(self.newest.published_at)
