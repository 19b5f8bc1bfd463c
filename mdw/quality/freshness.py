"""How old the newest record of a series may be: the audits' thresholds, for everything else that judges freshness."""

from functools import cache

import yaml

from dlt_pipelines.core.time_grid import TIMEFRAMES
from mdw.publishing.dbt import DBT_PROJECT


@cache
def thresholds() -> dict[str, float]:
    """The audits' thresholds, from the declarations of the audits in dbt_project/models."""
    declared: dict[str, float] = {}
    for file in sorted((DBT_PROJECT / "models" / "facts").glob("*.yml")):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            for test in model.get("data_tests", []):
                declared |= test.get("audit_passes", {}).get("arguments", {}).get("thresholds", {})
    return declared


def allowed_seconds(dataset: str, timeframe: str = "") -> float:
    """Since the end of the newest bar, or since the newest payment or value; above it the series is stale."""
    limits = thresholds()
    if dataset == "bars":
        # A bar is due a timeframe after the last one, and then has the time that the schedule allows.
        # An unknown timeframe is the finding of an audit, and no reason to have no metrics.
        return limits["bars_fresh_minutes"] * 60 + TIMEFRAMES.get(timeframe, 0) / 1000
    return limits[f"{dataset}_fresh_hours"] * 3600
