"""acceptance: the customer's seven criteria against a deployment."""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from mdw import checkout
from mdw.cli.options import Json, SnapshotId
from mdw.console.output import out, print_json, table
from warehouse.errors import BadInput
from warehouse.settings import Settings

if TYPE_CHECKING:
    from mdw.acceptance import Context, Verdict


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(acceptance)


def acceptance(
    snapshot_id: SnapshotId = None,
    max_age_minutes: Annotated[int, typer.Option(min=1, help="how old the newest publication may be")] = 60,
    lookback_days: Annotated[int, typer.Option(min=1, help="of the backtest")] = 3,
    aws: Annotated[str | None, typer.Option(metavar="NAME", help="environment of infra/mwaa/parameters")] = None,
    airflow: Annotated[
        str | None, typer.Option(metavar="URL", envvar="MDW_AIRFLOW", help="of an Airflow that is not MWAA")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="bring up a deployment on this machine, on replayed exchanges, and check it")
    ] = False,
    page: Annotated[Path | None, typer.Option("--out", help="also write the result as a page to sign")] = None,
    json: Json = False,
) -> None:
    """Check the seven acceptance criteria and print a verdict on each.

    What cannot be checked from here is reported as unchecked. Exit 1 if a criterion is not met.
    """
    if aws:
        checkout.require("infra", "mdw acceptance --aws")
    if local:
        checkout.require("dags", "mdw acceptance --local")
    from mdw.acceptance import Context, run_criteria
    from mdw.acceptance.airflow import HttpAirflow
    from mdw.acceptance.aws import AwsEnvironment
    from mdw.backtest import Parameters

    settings = Settings.load()
    if local and (aws or airflow or snapshot_id or not settings.embedded):
        raise BadInput(
            "--local creates its own deployment: leave out --aws, --airflow and --snapshot-id, and unset "
            "MDW_CLICKHOUSE_URL. Nothing was done."
        )
    parameters = Parameters(lookback_days=lookback_days, volatility_days=lookback_days, rebalance_days=1)
    with _local(settings) if local else nullcontext(airflow) as address:
        cloud = AwsEnvironment(aws) if aws else None
        jobs = cloud.airflow if cloud else HttpAirflow(address) if address else None
        inside = cloud.reached_by(settings) if cloud else Settings.load()
        context = Context.of(inside, snapshot_id, timedelta(minutes=max_age_minutes), parameters, jobs, cloud)
        verdicts = list(run_criteria(context))
        _show(context, verdicts, page, json)
    raise typer.Exit(1 if any(verdict.state == "not met" for verdict in verdicts) else 0)


def _local(settings: Settings) -> AbstractContextManager[str | None]:
    # Needs replay/, which a release in AWS does not include.
    from mdw.acceptance.local import local_deployment

    return local_deployment(settings)


def _show(context: "Context", verdicts: "list[Verdict]", page: Path | None, json: bool) -> None:
    from mdw.acceptance import conclusion
    from mdw.acceptance.page import header, markdown

    if page:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(markdown(context, verdicts), encoding="utf-8")
    if json:
        criteria = [verdict.as_dict() for verdict in verdicts]
        print_json({**header(context), "criteria": criteria, "conclusion": conclusion(verdicts)})
        return
    out.print()
    for name, value in header(context).items():
        out.print(f"{name:>15}: {value}", soft_wrap=True)
    out.print()
    rows = []
    for verdict in verdicts:
        for number, one in enumerate(verdict.observations):
            first = number == 0
            state = "" if one.state == "met" else f"{one.state}: "
            rows.append(
                (
                    str(verdict.number) if first else "",
                    verdict.criterion if first else "",
                    verdict.state.upper() if first and verdict.state == "not met" else verdict.state if first else "",
                    f"{state}{one.says}",
                )
            )
    table(("", "criterion", "verdict", "seen"), rows, title="Acceptance")
    out.print()
    out.print(Text(conclusion(verdicts), style="bold"), soft_wrap=True)
