"""The pools of the DAGs: Airflow does not create them, and a task whose pool does not exist never starts."""

import json
from typing import Any

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import ROOT


def ensure(cloud: Cloud, environment: str) -> list[str]:
    """Create the pools of dags/pools.json that the environment lacks, and return their names; others are unchanged."""
    wanted: dict[str, dict[str, Any]] = json.loads((ROOT / "dags" / "pools.json").read_text())
    there = _call(cloud, environment, "GET", QueryParameters={"limit": 100})
    known = {pool["name"] for pool in there.get("pools", [])}
    missing = [name for name in wanted if name not in known]
    for name in missing:
        _call(cloud, environment, "POST", Body={"name": name, **wanted[name]})
    return missing


def _call(cloud: Cloud, environment: str, method: str, **options: Any) -> dict[str, Any]:
    answer = cloud.mwaa.invoke_rest_api(Name=environment, Path="/pools", Method=method, **options)
    return dict(answer["RestApiResponse"])
