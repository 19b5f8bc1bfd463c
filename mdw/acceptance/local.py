"""A complete deployment on this machine: replayed exchanges, embedded ClickHouse, scheduled Airflow runs, alerts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import yaml
from rich.text import Text

from dlt_pipelines import backfill
from dlt_pipelines.planning.universe import load
from mdw.acceptance.local_airflow import LocalAirflow
from mdw.acceptance.receiver import receiver
from mdw.console.output import err
from mdw.environment import environment
from mdw.publishing import snapshot_build
from replay.process import ReplayProcess
from warehouse import embedded
from warehouse.errors import OperationFailed
from warehouse.migrate import migrate
from warehouse.settings import Settings

SEED = 7
_HISTORY_DAYS = 9
_SCHEDULE = "*/2 * * * *"
_SCHEDULED_RUNS = 2


@contextmanager
def local_deployment(settings: Settings) -> Iterator[str | None]:
    """Run the deployment; yields the address of its Airflow, or None without .venv-airflow. MDW_* point to the rest.

    The market is synthetic, at the real time. Its data stays in MDW_HOME/acceptance, so a second run does not land
    anything twice. Raises OperationFailed if a step fails.
    """
    home = settings.home / "acceptance"
    with ExitStack() as stack:
        exchanges = stack.enter_context(ReplayProcess("--synthetic", "--seed", str(SEED)))
        hears = stack.enter_context(receiver())
        variables: dict[str, str | None] = {
            **exchanges.environment,
            "MDW_NOW": None,
            "MDW_HOME": str(home),
            "MDW_UNIVERSE": str(_universe(settings)),
            "MDW_ALERT_WEBHOOK_URL": hears,
        }
        stack.enter_context(environment(variables))
        inside = Settings.load()
        _say(f"ClickHouse in {home}, exchanges: {exchanges.banner}")
        embedded.up(inside)
        stack.callback(embedded.down, inside)
        migrate(inside)
        _history(inside)
        airflow = LocalAirflow(home / "airflow")
        if not airflow.installed:
            _say("no .venv-airflow (`make airflow`): the schedule is not checked")
            yield None
            return
        _say(f"Airflow at {airflow.url}, until {_SCHEDULED_RUNS} scheduled runs have ended")
        stack.enter_context(airflow)
        airflow.wait_for_runs(_SCHEDULED_RUNS)
        yield airflow.url


def _universe(settings: Settings) -> str:
    """The project's universe with a short history and a short schedule; reused by the next run."""
    path = settings.home / "acceptance" / "universe.yml"
    if not path.exists():
        content = yaml.safe_load(settings.universe.read_text())
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        content["history"]["start"] = today - timedelta(days=_HISTORY_DAYS)
        content["schedule"]["update"] = _SCHEDULE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


def _history(settings: Settings) -> None:
    universe = load(settings.universe)
    report = backfill.run(backfill.plan(settings, universe, pace=None), pace=None)
    if not report.complete:
        raise OperationFailed(f"The replay did not serve everything: {report.failures}. Run it again.")
    _say(f"history has landed: {report.rows:,} records")
    result = snapshot_build.build(settings, None, "history")
    if result.failures:
        raise OperationFailed(f"The build of the history failed: {result.failures}")
    _say(f"published {result.snapshot_id}")


def _say(text: str) -> None:
    err.print(Text(">", style="bold cyan"), text, soft_wrap=True)
