"""Downloads archive files, verifies them against the venue's digest, and retries where that can help."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import NoReturn, Self

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from dlt_pipelines.core.archive import Archive, ArchiveFile
from dlt_pipelines.core.errors import (
    BadChecksum,
    ConnectionFailed,
    FileRefused,
    MissingFile,
    OversizedResponse,
    Retryable,
    ServerFault,
    SuspiciousFile,
)
from dlt_pipelines.http.backoff import Backoff
from dlt_pipelines.http.response import Response, check_status
from dlt_pipelines.http.response_body import ACCEPTED, CHECKSUM, FILE, read_body
from warehouse import open_files

ATTEMPTS = 6
BACKOFF_SECONDS = 0.4
_CHECKSUM = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(\S+)\s*")
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Download:
    """The zip as received. `tag` identifies its content and can be had without downloading it (see Downloader.tag)."""

    data: bytes
    sha256: str
    tag: str
    fetched_at: datetime


class Downloader:
    """One archive at one address."""

    def __init__(self, archive: Archive, address: str | None) -> None:
        self._archive = archive
        self._address = (address or archive.address).rstrip("/")
        self._session = aiohttp.ClientSession(read_bufsize=_BUFFER_BYTES, auto_decompress=False, headers=ACCEPTED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, file: ArchiveFile) -> Download:
        """The verified file. Raises ArchiveFileError if it is missing or damaged, VenueError if the archive is down."""
        try:
            return await self._checked(file)
        except BadChecksum:
            # The file may have been replaced between the two requests.
            return await self._checked(file)

    async def tag(self, file: ArchiveFile) -> str:
        """The published sha256 of the file, or its ETag: changes with its content, and needs no download."""
        if self._archive.check == "sha256_beside":
            return await self._published_sha256(file)
        _, headers = await self._request(file, "HEAD", file.path)
        return _etag(headers)

    async def _checked(self, file: ArchiveFile) -> Download:
        if self._archive.check == "sha256_beside":
            expected = await self._published_sha256(file)
            data, _ = await self._request(file, "GET", file.path)
            sha256 = await asyncio.to_thread(_sha256, data)
            if sha256 != expected:
                raise BadChecksum(f"{file.name} has sha256 {sha256}, but its CHECKSUM file says {expected}")
            return Download(data, sha256, expected, datetime.now(UTC))
        data, headers = await self._request(file, "GET", file.path)
        sha256 = await asyncio.to_thread(_sha256, data)
        _check_md5(file, data, headers.get("content-md5", ""))
        return Download(data, sha256, _etag(headers), datetime.now(UTC))

    async def _published_sha256(self, file: ArchiveFile) -> str:
        try:
            data, _ = await self._request(file, "GET", file.path + ".CHECKSUM")
        except MissingFile:
            # A file without its digest cannot be verified: better no file than an unverified one.
            await self._request(file, "HEAD", file.path)
            raise MissingFile(f"{file.name} has no CHECKSUM in the archive") from None
        match = _CHECKSUM.fullmatch(data[:1000].decode(errors="replace"))
        if match is None or match[2] != file.name:
            raise BadChecksum(f"the CHECKSUM of {file.name} reads {data[:100]!r}")
        return match[1].lower()

    async def _request(self, file: ArchiveFile, method: str, path: str) -> tuple[bytes, Mapping[str, str]]:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=Backoff(BACKOFF_SECONDS),
            retry=retry_if_exception_type(Retryable),
            reraise=True,
        )
        answer: tuple[bytes, Mapping[str, str]] = await attempts(self._request_once, file, method, path)
        return answer

    async def _request_once(self, file: ArchiveFile, method: str, path: str) -> tuple[bytes, Mapping[str, str]]:
        limit = CHECKSUM if path.endswith(".CHECKSUM") else FILE
        try:
            async with self._session.request(
                method, self._address + path, allow_redirects=False, timeout=limit.timeout
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                data = b"" if method == "HEAD" else await read_body(response, f"{self._address}{path}", limit)
                if response.status != 200:
                    _refuse(file, path, Response(response.status, headers, data.decode(errors="replace")))
                return data, headers
        except OversizedResponse as error:
            raise SuspiciousFile(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if open_files.ran_out(error):
                raise open_files.too_low(f"{self._address}{path} could not be requested") from None
            text = str(error) or type(error).__name__
            raise ConnectionFailed(f"{self._address}{path}: {text}") from None


def _refuse(file: ArchiveFile, path: str, response: Response) -> NoReturn:
    name = f"{file.series.venue}'s archive"
    if response.status == 404:
        raise MissingFile(f"{name} has no {path.rsplit('/', 1)[-1]}")
    if response.status == 403:
        reason = " ".join(response.text.split())[:160]
        raise FileRefused(f"{name} answers 403 for {path.rsplit('/', 1)[-1]}: {reason}")
    check_status(name, response)
    raise ServerFault(f"{name} answers {response.status} for {path}")


def _check_md5(file: ArchiveFile, data: bytes, wanted: str) -> None:
    if not wanted:
        return
    found = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if found != wanted:
        raise BadChecksum(f"{file.name} has MD5 {found}, but its Content-MD5 header says {wanted}")


def _etag(headers: Mapping[str, str]) -> str:
    """The ETag without quotes, in lower case: object stores differ in both for the same object."""
    return headers.get("etag", "").strip('"').lower()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
