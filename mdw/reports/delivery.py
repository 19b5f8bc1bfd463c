"""Copies the reports of MDW_HOME to S3 or a folder."""

import mimetypes
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from mdw.publishing import dbt
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

# Always the newest report, at a fixed address.
LATEST = "latest"
_TYPES = {".json": "application/json", ".parquet": "application/vnd.apache.parquet", ".md": "text/markdown"}


@dataclass(frozen=True)
class DeliveredReport:
    """A delivered report and its two addresses: under its day and under `latest`."""

    report: str
    size_bytes: int
    places: tuple[str, ...]


class Target(Protocol):
    """A destination for files."""

    def put(self, source: Path, name: str) -> str:
        """Store a file under a name that may contain '/', overwriting; returns the full address."""


def publish(settings: Settings, to: str) -> list[DeliveredReport]:
    """Copy every file of MDW_HOME/reports to `<to>/<UTC day>/` and `<to>/latest/`; safe to repeat.

    `to` is a folder or s3://bucket/prefix. Raises BadInput for another address or if there is no report,
    OperationFailed if the target refuses.
    """
    target = _target(to)
    folder = settings.home / "reports"
    names = sorted(path.relative_to(folder).as_posix() for path in _files(folder))
    if not names:
        raise BadInput(f"{folder} has no report. Create one first: `mdw audit --report`, `mdw docs`.")
    day = f"{settings.clock():%Y-%m-%d}"
    return [
        DeliveredReport(
            name,
            (folder / name).stat().st_size,
            tuple(target.put(folder / name, f"{under}/{name}") for under in (day, LATEST)),
        )
        for name in names
    ]


def check_place(to: str) -> None:
    """Raise BadInput if `to` is neither a folder nor s3://bucket/prefix."""
    _target(to)


def keep_artifacts(settings: Settings, to: str, build: str) -> list[str]:
    """Copy dbt's artifacts of the last build to `<to>/<UTC day>/<build>/` and, with its manifest, to `<to>/latest/`.

    `dbt ls --select state:modified --state` reads the latter. Returns the addresses. Raises BadInput for another
    address, OperationFailed if the target refuses.
    """
    target = _target(to)
    folder = dbt.target(settings)
    day = f"{settings.clock():%Y-%m-%d}"
    names = {"run_results.json": (f"{day}/{build}", LATEST), "manifest.json": (LATEST,)}
    return [
        target.put(folder / name, f"{under}/{name}")
        for name, places in names.items()
        for under in places
        if (folder / name).exists()
    ]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _target(to: str) -> Target:
    address = urlsplit(to)
    if address.scheme == "s3" and address.netloc:
        return _Bucket(address.netloc, address.path.strip("/"))
    if address.scheme or not to.strip():
        raise BadInput(f"{to!r} is not a destination for files. Give a folder or s3://bucket/prefix.")
    return _Folder(Path(to).expanduser().resolve())


@dataclass(frozen=True)
class _Folder:
    root: Path

    def put(self, source: Path, name: str) -> str:
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            shutil.copyfile(source, part)
            part.replace(path)
        except OSError as error:
            raise OperationFailed(f"{path} cannot be written: {error.strerror}. Check the folder of --to.") from None
        return str(path)


class _Bucket:
    def __init__(self, bucket: str, prefix: str) -> None:
        # boto3 takes half a second to import: only uploads should wait for it.
        import boto3

        self._client: Any = boto3.client("s3")
        self._bucket = bucket
        self._prefix = prefix

    def put(self, source: Path, name: str) -> str:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        key = "/".join(part for part in (self._prefix, name) if part)
        kind = _TYPES.get(source.suffix) or mimetypes.guess_type(source.name)[0] or "application/octet-stream"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        try:
            self._client.upload_file(str(source), self._bucket, key, ExtraArgs={"ContentType": kind})
        except (S3UploadFailedError, BotoCoreError, ClientError) as error:
            raise OperationFailed(
                f"s3://{self._bucket}/{key} cannot be written: {error}. Check the bucket's name and region, and the "
                "permission s3:PutObject of the identity that runs this."
            ) from None
        return f"s3://{self._bucket}/{key}"
