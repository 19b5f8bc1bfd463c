"""An HTTP response as received, and the checks that are common to all venues."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from dlt_pipelines.core.errors import (
    Banned,
    MalformedResponse,
    RateLimited,
    Redirected,
    Refused,
    RegionBlocked,
    ServerFault,
)
from dlt_pipelines.core.venue import Venue

_BAN_SECONDS = 600.0
# A run does not wait longer than this for one request; a longer Retry-After is treated as a ban.
_LONGEST_WAIT_SECONDS = 600.0
_LONGEST_BAN_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers (lower-case names) and the body's text as sent."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def retry_after(self) -> float | None:
        """Seconds that the venue asks us to wait; None if it does not say."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else None


def decode(venue: Venue, response: Response) -> Any:
    """The decoded body; raises the matching VenueError if it is not a valid page."""
    check_status(venue.name, response)
    try:
        body = orjson.loads(response.text)
    except orjson.JSONDecodeError:
        raise _no_json(venue.name, response) from None
    if "\ufffd" in response.text:
        raise MalformedResponse(f"{venue.name} sent bytes that are not UTF-8")
    try:
        venue.check(response.status, body)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MalformedResponse(
            f"{venue.name} sent a response of an unknown structure ({error!r}): {_short(response.text)}"
        ) from None
    if response.status >= 400:
        raise Refused(f"{venue.name} answers {response.status}: {_short(response.text)}")
    return body


def check_status(name: str, response: Response) -> None:
    """Raise the error that the HTTP status implies; `name` is the server's name in messages."""
    too_long = (response.retry_after or 0) > _LONGEST_WAIT_SECONDS
    if response.status == 429 and not too_long:
        raise RateLimited(f"{name} answers 429, too many requests", response.retry_after)
    if response.status in (418, 403, 429):
        seconds = min(response.retry_after or _BAN_SECONDS, _LONGEST_BAN_SECONDS)
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        known = "" if response.retry_after else "; it did not say for how long, and ten minutes are usual"
        raise Banned(
            f"{name} answers {response.status}: this address is banned, until about {until:%H:%M:%S} UTC{known}. "
            f"This run sends no more requests there; run the same command again after that. "
            f"Its response: {_short(response.text)}",
            until,
        )
    if response.status == 451:
        raise RegionBlocked(
            f"{name} answers 451: it does not serve the region of this machine's address. "
            "Run from another region, or leave this venue out."
        )
    if 300 <= response.status < 400:
        target = _short(response.headers.get("location", "")) or "nowhere"
        raise Redirected(
            f"{name} answers {response.status}, a redirect to {target}; redirects are not followed. "
            "Check the address of the venue and any proxy on the way"
        )
    if response.status >= 500:
        raise ServerFault(f"{name} answers {response.status}: {_short(response.text)}")


def refused_alone(name: str, response: Response) -> Refused:
    """The error for a request that was answered like one from a banned address, while others are served."""
    return Refused(f"{name} answers {response.status} to this request and serves others: {_short(response.text)}")


def _no_json(name: str, response: Response) -> MalformedResponse | Refused:
    what = "an HTML page" if response.text.lstrip().startswith("<") else "truncated or empty JSON"
    return MalformedResponse(f"{name} answers {response.status} with {what}: {_short(response.text)}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line[:160] + ("…" if len(line) > 160 else "")
