"""Users and roles for ClickHouse Cloud, where bin/users.sh cannot run: SQL for its console, with password digests."""

import hashlib
import json
from collections.abc import Iterator

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.passwords import ROLES
from infra.mwaa.deployment.plan import Plan


def statements(cloud: Cloud, plan: Plan) -> Iterator[str]:
    """One idempotent statement per line, to be run as the service's `default` user."""
    for role in ROLES:
        secret = cloud.secretsmanager.get_secret_value(SecretId=f"{plan.project}/{plan.environment}/clickhouse/{role}")
        digest = hashlib.sha256(json.loads(secret["SecretString"])["password"].encode()).hexdigest()
        yield f"create user if not exists svc_{role} identified with sha256_hash by '{digest}';"
        yield f"alter user svc_{role} identified with sha256_hash by '{digest}';"
    for role in ROLES:
        if role != "admin":
            yield f"create role if not exists mdw_{role};"
            yield f"grant mdw_{role} to svc_{role};"
    # Cloud withholds some rights from its administrator, so GRANT ALL is refused; migrations need none of them.
    yield "grant current grants on *.* to svc_admin with grant option;"
    yield "alter user svc_ingest settings max_partitions_per_insert_block = 0;"
    yield "alter user svc_transform settings max_partitions_per_insert_block = 0;"
    yield "alter user svc_admin settings max_partitions_per_insert_block = 0;"
    yield "alter user svc_auditor settings readonly = 2;"
