"""Backtests at a pinned snapshot, for the CLI."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import alphaforge_data
from mdw.backtest import Parameters, Result, run
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings


@dataclass(frozen=True)
class Repeated:
    """Two runs of the same backtest on the same snapshot."""

    first: Result
    second: Result
    folder: Path

    @property
    def differences(self) -> list[str]:
        """Differences between the two results; empty if the pin is reproducible."""
        return self.first.differences(self.second)

    @property
    def equal(self) -> bool:
        """Whether both runs have the same result."""
        return not self.differences


def run_once(settings: Settings, snapshot_id: str, out: Path, parameters: Parameters) -> Result:
    """One run that reads without a cache; raises BadInput or OperationFailed."""
    connection = settings.connection("researcher")
    scheme = "https" if connection.secure else "http"
    credentials = f"{quote(connection.user, safe='')}:{quote(connection.password, safe='')}"
    url = f"{scheme}://{credentials}@{connection.host}:{connection.http_port}/"
    try:
        client = alphaforge_data.connect(url, snapshot_id=snapshot_id, cache=False)
        return run(client, parameters, out)
    except alphaforge_data.NotReachable as error:
        raise OperationFailed(str(error)) from None
    except alphaforge_data.AlphaforgeDataError as error:
        raise BadInput(str(error)) from None


def run_and_repeat(settings: Settings, snapshot_id: str, out: Path, parameters: Parameters | None = None) -> Repeated:
    """Run twice, each time from the database; the second result is in `out`/repeat."""
    chosen = parameters or Parameters(lookback_days=3, volatility_days=3, rebalance_days=1)
    first = run_once(settings, snapshot_id, out, chosen)
    second = run_once(settings, snapshot_id, out / "repeat", chosen)
    return Repeated(first, second, out)
