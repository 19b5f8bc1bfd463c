"""The inputs of the criteria."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mdw.acceptance.airflow import AirflowApi
from mdw.acceptance.verdict import Observation
from mdw.backtest import Parameters
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings
from warehouse.utc import aware_utc


class CloudChecks(Protocol):
    """Checks of a deployment that need the cloud's own API."""

    def services(self) -> Sequence[Observation]:
        """Checks of the environment, secrets and buckets."""

    def alerts(self) -> Sequence[Observation]:
        """Checks of alarms, their subscribers and their metrics."""


@dataclass(frozen=True)
class Context:
    """`snapshot` is the pin under test, `newest` the newest one; `max_age` is the maximum time between publications."""

    settings: Settings
    snapshot: snapshots.PublishedSnapshot
    newest: snapshots.PublishedSnapshot
    max_age: timedelta
    parameters: Parameters
    airflow: AirflowApi | None = None
    cloud: CloudChecks | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        snapshot_id: str | None,
        max_age: timedelta,
        parameters: Parameters,
        airflow: AirflowApi | None = None,
        cloud: CloudChecks | None = None,
    ) -> "Context":
        """Raises BadInput if nothing is published or the snapshot is unknown, OperationFailed if ClickHouse is down."""
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
        """Whether any exchange is replayed instead of requested at its real address."""
        return any(self.settings.origins.values())

    @property
    def last_whole_day(self) -> datetime:
        """The end (exclusive, UTC) of what must have landed by now; today is left to the schedule."""
        moment = self.settings.clock() - self.max_age
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def age(self) -> timedelta:
        """The age of the newest publication."""
        return datetime.now(UTC) - aware_utc(self.newest.published_at)
