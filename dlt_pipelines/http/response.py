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


def decode(venue: Venue, reply: Response) -> Any:
    """The decoded body; raises the matching VenueError if it is not a valid page."""
    check_status(venue.name, reply)
    try:
        body = orjson.loads(reply.text)
    except orjson.JSONDecodeError:
        raise _no_json(venue.name, reply) from None
    if "\ufffd" in reply.text:
        raise MalformedResponse(f"{venue.name} sent bytes that are not UTF-8")
    try:
        venue.check(reply.status, body)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MalformedResponse(
            f"{venue.name} sent a response of an unknown structure ({error!r}): {_short(reply.text)}"
        ) from None
    if reply.status >= 400:
        raise Refused(f"{venue.name} answers {reply.status}: {_short(reply.text)}")
    return body


def check_status(name: str, reply: Response) -> None:
    """Raise the error that the HTTP status implies; `name` is the server's name in messages."""
    too_long = (reply.retry_after or 0) > _LONGEST_WAIT_SECONDS
    if reply.status == 429 and not too_long:
        raise RateLimited(f"{name} answers 429, too many requests", reply.retry_after)
    if reply.status in (418, 403, 429):
        seconds = min(reply.retry_after or _BAN_SECONDS, _LONGEST_BAN_SECONDS)
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        known = "" if reply.retry_after else "; it did not say for how long, and ten minutes are usual"
        raise Banned(
            f"{name} answers {reply.status}: this address is banned, until about {until:%H:%M:%S} UTC{known}. "
            f"This run sends no more requests there; run the same command again after that. "
            f"Its response: {_short(reply.text)}",
            until,
        )
    if reply.status == 451:
        raise RegionBlocked(
            f"{name} answers 451: it does not serve the region of this machine's address. "
            "Run from another region, or leave this venue out."
        )
    if 300 <= reply.status < 400:
        target = _short(reply.headers.get("location", "")) or "nowhere"
        raise Redirected(
            f"{name} answers {reply.status}, a redirect to {target}; redirects are not followed. "
            "Check the address of the venue and any proxy on the way"
        )
    if reply.status >= 500:
        raise ServerFault(f"{name} answers {reply.status}: {_short(reply.text)}")


def _no_json(name: str, reply: Response) -> MalformedResponse | Refused:
    what = "an HTML page" if reply.text.lstrip().startswith("<") else "truncated or empty JSON"
    return MalformedResponse(f"{name} answers {reply.status} with {what}: {_short(reply.text)}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line[:160] + ("…" if len(line) > 160 else "")
