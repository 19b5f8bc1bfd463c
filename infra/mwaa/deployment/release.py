"""Releases in the code bucket: upload, and the record of what was deployed, for rollbacks."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.package import Package
from infra.mwaa.deployment.stacks import Say

_DEPLOYED = "releases/deployed.json"


@dataclass(frozen=True)
class Release:
    """Everything that the environment stack needs to run a release, or to roll back to it."""

    ReleaseId: str
    ReleaseSha256: str
    StartupScriptVersion: str
    RequirementsVersion: str
    BundleKey: str
    BundleSha256: str

    def values(self) -> dict[str, str]:
        """As template parameters."""
        return asdict(self)


def upload(cloud: Cloud, bucket: str, package: Package, say: Say) -> Release:
    """Upload the package to the bucket. Files that are already there are not sent again."""
    prefix = f"releases/{package.release_id}"
    _put(cloud, bucket, f"{prefix}/project.zip", package.project_zip, say)
    for name, path in package.dags:
        _put(cloud, bucket, f"{prefix}/{name}", path, say)
    bundle_key = f"clickhouse/{package.bundle_sha256[:16]}.zip"
    _put(cloud, bucket, bundle_key, package.bundle_zip, say)
    return Release(
        ReleaseId=package.release_id,
        ReleaseSha256=package.project_sha256,
        StartupScriptVersion=_put(cloud, bucket, "startup.sh", package.startup, say),
        RequirementsVersion=_put(cloud, bucket, "requirements.txt", package.requirements, say),
        BundleKey=bundle_key,
        BundleSha256=package.bundle_sha256,
    )


def deployed(cloud: Cloud, bucket: str) -> list[Release]:
    """Releases that passed their smoke test, newest last."""
    try:
        body = cloud.s3.get_object(Bucket=bucket, Key=_DEPLOYED)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return []
        raise
    return [Release(**entry) for entry in json.loads(body)]


def record(cloud: Cloud, bucket: str, release: Release) -> None:
    """Record a release as good; the last 20 are kept."""
    kept = [entry for entry in deployed(cloud, bucket) if entry != release]
    content = json.dumps([asdict(entry) for entry in [*kept, release][-20:]], indent=2)
    cloud.s3.put_object(Bucket=bucket, Key=_DEPLOYED, Body=content.encode())


def _put(cloud: Cloud, bucket: str, key: str, path: Path, say: Say) -> str:
    """Upload unless the newest version is the same file; returns the version's id."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    head = _head(cloud, bucket, key)
    if head and head.get("Metadata", {}).get("sha256") == digest:
        return str(head.get("VersionId", ""))
    say(f"s3://{bucket}/{key}: {len(data):,} bytes")
    answer = cloud.s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata={"sha256": digest})
    return str(answer.get("VersionId", ""))


def _head(cloud: Cloud, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        head: dict[str, Any] = cloud.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    return head
