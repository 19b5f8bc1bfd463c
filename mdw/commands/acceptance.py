"""acceptance: the customer's seven criteria against this deployment."""

from datetime import timedelta
from typing import Annotated

import typer

from mdw.options import Json, SnapshotId
from mdw.output import print_json, table
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(acceptance)


def acceptance(
    snapshot_id: SnapshotId = None,
    max_age_hours: Annotated[float, typer.Option(min=0.1, help="how old the newest publication may be")] = 6.0,
    lookback_days: Annotated[int, typer.Option(min=1, help="of the backtest")] = 3,
    json: Json = False,
) -> None:
    """Check the seven acceptance criteria and print a verdict of each; exit 1 where one is not met."""
    from mdw.acceptance import run_criteria
    from mdw.backtest import Parameters

    parameters = Parameters(lookback_days=lookback_days, volatility_days=lookback_days, rebalance_days=1)
    verdicts = list(run_criteria(Settings.load(), snapshot_id, timedelta(hours=max_age_hours), parameters))
    if json:
        print_json([vars(verdict) for verdict in verdicts])
    else:
        rows = [(v.number, v.criterion, "met" if v.passed else "NOT MET", v.evidence) for v in verdicts]
        table(("", "criterion", "verdict", "seen"), rows, title="Acceptance")
    raise typer.Exit(0 if all(verdict.passed for verdict in verdicts) else 1)
