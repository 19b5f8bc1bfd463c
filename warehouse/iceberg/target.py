"""The location of an export: a folder, or a prefix of an S3 bucket."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from warehouse.errors import BadInput, OperationFailed

_ALLOWED = "Give a folder such as ./lake, or s3://bucket/prefix."


@dataclass(frozen=True)
class Target:
    """A folder (`bucket` empty) or a bucket with a prefix (`path`, without slashes at its ends)."""

    path: str
    bucket: str = ""

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Parse the user's input; raises BadInput that names it."""
        parts = urlsplit(text)
        if parts.scheme in ("s3", "s3a"):
            if "@" in parts.netloc:
                raise BadInput(
                    "An s3:// address must not contain credentials: use the AWS variables, a profile or a role."
                )
            if not parts.netloc:
                raise BadInput(f"{text!r} does not name a bucket. {_ALLOWED}")
            return cls(parts.path.strip("/"), parts.netloc)
        if parts.scheme == "file":
            text = parts.path
        elif "://" in text or not text.strip():
            raise BadInput(f"{text!r} is not supported as a location of Iceberg tables. {_ALLOWED}")
        return cls(str(Path(text).expanduser().resolve()))

    @property
    def on_s3(self) -> bool:
        """Whether it is a bucket."""
        return bool(self.bucket)

    @property
    def address(self) -> str:
        """The address as text."""
        return self.location("").rstrip("/") if self.on_s3 else self.path

    @property
    def slug(self) -> str:
        """A short name for files about this target."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def key(self, name: str) -> str:
        """Key of an object under the prefix."""
        return f"{self.path}/{name}" if self.path else name

    def location(self, name: str) -> str:
        """Iceberg location of a table."""
        return f"s3://{self.bucket}/{self.key(name)}" if self.on_s3 else f"file://{self.path}/{name}"

    def check_readable(self, properties: Mapping[str, Any]) -> None:
        """Raise BadInput if there is nothing to read."""
        if self.on_s3:
            with _readable_errors(self):
                s3(properties).head_bucket(Bucket=self.bucket)
        elif not Path(self.path).is_dir():
            raise BadInput(f"There is no folder {self.path}. Give the --to of an earlier `mdw snapshot export`.")

    def check_writable(self, properties: Mapping[str, Any]) -> None:
        """Create the folder, or check access to the bucket; raises BadInput if that is refused."""
        if self.on_s3:
            with _readable_errors(self):
                client = s3(properties)
                client.head_bucket(Bucket=self.bucket)
                client.put_object(Bucket=self.bucket, Key=self.key(".mdw"), Body=b"")
            return
        try:
            Path(self.path).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise BadInput(
                f"Cannot write to {self.path}: {error.strerror}. Give a folder that you can write to."
            ) from None

    def fetch(self, name: str, to: Path, properties: Mapping[str, Any]) -> bool:
        """Copy an object of the bucket to a file; returns False if it does not exist."""
        part = to.with_suffix(".part")
        with _readable_errors(self):
            try:
                s3(properties).download_file(self.bucket, self.key(name), str(part))
            except ClientError as error:
                if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                    return False
                raise
        os.replace(part, to)  # noqa: PTH105
        return True

    def store(self, name: str, file: Path, properties: Mapping[str, Any]) -> None:
        """Copy a file into the bucket."""
        with _readable_errors(self):
            s3(properties).put_object(Bucket=self.bucket, Key=self.key(name), Body=file.read_bytes())


def s3(properties: Mapping[str, Any]) -> Any:
    """An S3 client with the standard AWS credential chain; PyIceberg's s3.* properties take precedence."""
    import boto3

    chosen = {
        "endpoint_url": "s3.endpoint",
        "region_name": "s3.region",
        "aws_access_key_id": "s3.access-key-id",
        "aws_secret_access_key": "s3.secret-access-key",
        "aws_session_token": "s3.session-token",
    }
    given = {name: properties[key] for name, key in chosen.items() if properties.get(key)}
    return boto3.Session().client("s3", **given)


def region(target: Target, properties: Mapping[str, Any]) -> str | None:
    """Region of the bucket, requested once because Arrow would guess it."""
    with _readable_errors(target):
        answer = s3(properties).head_bucket(Bucket=target.bucket)
    return str(answer.get("BucketRegion") or "") or None


@contextlib.contextmanager
def _readable_errors(target: Target) -> Any:
    try:
        yield
    except NoCredentialsError:
        raise OperationFailed(
            f"No AWS credentials for {target.address}: set AWS_PROFILE, the AWS_* variables, or run with a role."
        ) from None
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in ("404", "NoSuchBucket"):
            raise BadInput(f"There is no bucket {target.bucket!r}. Create it, or correct the address.") from None
        if code in ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"):
            raise BadInput(
                f"AWS refused access to {target.address} ({code}): the credentials lack s3:ListBucket, s3:GetObject or "
                "s3:PutObject there, or have expired."
            ) from None
        raise OperationFailed(f"S3 refused {target.address}: {code}.") from None
    except BotoCoreError as error:
        raise OperationFailed(f"S3 cannot be reached for {target.address}: {error}") from None
