"""metrics show, push: metrics for monitoring."""

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json
from warehouse.settings import Settings

app = typer.Typer(help="Metrics for Prometheus (see also `mdw status --serve`) and CloudWatch.", no_args_is_help=True)


@app.command()
def show(json: Json = False) -> None:
    """Print the metrics once, in Prometheus' text format."""
    from mdw.metrics.exposition import exposition
    from mdw.metrics.reading import samples

    found = samples(Settings.load())
    if json:
        print_json([{"name": one.name, "value": one.value, "labels": dict(one.labels)} for one in found])
    else:
        out.print(exposition(found), soft_wrap=True, end="")


@app.command()
def push(json: Json = False) -> None:
    """Push them to CloudWatch, namespace Mdw, dimension Environment (MDW_ENVIRONMENT)."""
    from mdw.metrics import cloudwatch
    from mdw.metrics.reading import samples

    settings = Settings.load()
    number = cloudwatch.push(samples(settings), settings.environment)
    if json:
        print_json({"pushed": number, "environment": settings.environment})
    else:
        out.print(f"Pushed {number} values to CloudWatch, namespace {cloudwatch.NAMESPACE}.")
