"""How old the newest record of a series may be: the audits' thresholds, for everything else that judges freshness."""

from functools import cache

import yaml

from dlt_pipelines.core.time_grid import TIMEFRAMES
from mdw.publishing.dbt import DBT_PROJECT


@cache
def thresholds() -> dict[str, float]:
    """The audits' thresholds (dbt_project.yml, var `audits`)."""
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())
    return dict(project["vars"]["audits"])


def allowed_seconds(dataset: str, timeframe: str = "") -> float:
    """Since the end of the newest bar, or since the newest payment or value; above it the series is stale."""
    limits = thresholds()
    if dataset == "bars":
        # A bar is due a timeframe after the last one, and then has the time that the schedule allows.
        # An unknown timeframe is the finding of an audit, and no reason to have no metrics.
        return limits["bars_fresh_minutes"] * 60 + TIMEFRAMES.get(timeframe, 0) / 1000
    return limits[f"{dataset}_fresh_hours"] * 3600
