"""The environment of a call: the worker's, plus the database URL of a role from Airflow's secrets backend."""

import os
from typing import Literal

Role = Literal["ingest", "transform", "auditor", "admin"]


def environment(role: Role) -> dict[str, str]:
    """Read when a task runs, never at import. Raises RuntimeError if AWS has no URL for the role."""
    from airflow.sdk import Variable
    from airflow.sdk.log import mask_secret

    url = Variable.get(f"clickhouse_url_{role}", default=None)
    if url:
        mask_secret(url)
        return {**os.environ, "MDW_CLICKHOUSE_URL": url}
    if os.environ.get("MDW_ENVIRONMENT"):
        # In AWS there is no embedded server to fall back to.
        raise RuntimeError(f"Airflow variable clickhouse_url_{role} is missing: deploy the stack secrets")
    return dict(os.environ)
