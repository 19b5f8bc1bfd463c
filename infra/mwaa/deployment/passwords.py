"""Rotates passwords of ClickHouse's service users, in all secrets that the server and its clients read."""

import json
import secrets
import string
from urllib.parse import urlsplit, urlunsplit

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import Plan
from warehouse.errors import BadInput

ROLES = ("admin", "ingest", "transform", "auditor", "researcher")
_LETTERS = string.ascii_letters + string.digits


def rotate(cloud: Cloud, plan: Plan, role: str) -> None:
    """Generate a password for svc_ROLE and write it to the user's secret and to all others that contain it.

    Raises BadInput for an unknown role.
    """
    if role not in ROLES:
        raise BadInput(f"role is {role!r}; allowed: {', '.join(ROLES)}.")
    prefix = f"{plan.project}/{plan.environment}"
    password = "".join(secrets.choice(_LETTERS) for _ in range(40))
    url_secret = "alphaforge/clickhouse_url" if role == "researcher" else f"variables/clickhouse_url_{role}"
    # In either order, clients are refused until both sides have the new password. The server's secret is written last,
    # so that an earlier failure changes nothing for the server.
    _rewrite_url(cloud, f"{prefix}/{url_secret}", password)
    if role == "auditor":
        _rewrite_field(cloud, f"{prefix}/connections/mdw_clickhouse", "password", password)
    _rewrite_field(cloud, f"{prefix}/clickhouse/{role}", "password", password)


def _rewrite_url(cloud: Cloud, name: str, password: str) -> None:
    parts = urlsplit(cloud.secretsmanager.get_secret_value(SecretId=name)["SecretString"])
    place = f"{parts.username}:{password}@{parts.hostname}:{parts.port}"
    cloud.secretsmanager.put_secret_value(SecretId=name, SecretString=urlunsplit(parts._replace(netloc=place)))


def _rewrite_field(cloud: Cloud, name: str, field: str, value: str) -> None:
    content = json.loads(cloud.secretsmanager.get_secret_value(SecretId=name)["SecretString"])
    content[field] = value
    cloud.secretsmanager.put_secret_value(SecretId=name, SecretString=json.dumps(content))
