"""Options that several commands share, and their parsers."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from warehouse.errors import BadInput
from warehouse.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
SnapshotId = Annotated[str | None, typer.Option("--snapshot-id", help="name of the snapshot", show_default=False)]


def parse_time(option: str, text: str) -> datetime:
    """Parse ISO 8601 text; raises BadInput if it is not a time or has no time zone."""
    example = "2025-01-28T00:00:00Z"
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"{option} is {text!r}, which is not a time. Write it like {example}.") from None
    if moment.tzinfo is None:
        suggestion = moment.isoformat(timespec="seconds") + "Z"
        raise BadInput(f"{option} is {text!r}, a time without a time zone. For UTC write {suggestion}.")
    return moment.astimezone(UTC)


def parse_window(
    settings: Settings, start: str | None, end: str | None, default_start: datetime
) -> tuple[datetime, datetime]:
    """Parse and check [start, end): end after start, and nothing in the future."""
    now = settings.clock()
    first = parse_time("--start", start) if start else default_start
    last = parse_time("--end", end) if end else now
    for option, moment in (("--start", first), ("--end", last)):
        if moment > now:
            raise BadInput(
                f"{option} is {moment.isoformat()}, in the future: it is {now.isoformat(timespec='seconds')} now. "
                "Give an earlier time."
            )
    if last <= first:
        raise BadInput(
            f"--end {last.isoformat()} is not after --start {first.isoformat()}: start is inclusive, end exclusive. "
            "Give a later --end or an earlier --start."
        )
    return first, last
