"""The audits' freshness thresholds, for everything else that checks freshness."""

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
    """Maximum age of the newest bar (since its end), payment or value; beyond it the series is stale."""
    limits = thresholds()
    if dataset == "bars":
        # A bar is due one timeframe after the last one, plus the time that the schedule allows.
        # An audit reports unknown timeframes; they must not break the metrics.
        return limits["bars_fresh_minutes"] * 60 + TIMEFRAMES.get(timeframe, 0) / 1000
    return limits[f"{dataset}_fresh_hours"] * 3600
