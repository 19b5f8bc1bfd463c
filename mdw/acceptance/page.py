"""The acceptance result as a Markdown page to sign and keep."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mdw.acceptance.context import Context
from mdw.acceptance.verdict import Verdict, conclusion
from mdw.console.output import utc
from mdw.revision import code_revision
from warehouse.client import connect

_MARKS = {"met": "[x]", "not met": "[ ] NOT MET:", "unchecked": "[ ] unchecked:"}


def header(context: Context) -> dict[str, str]:
    """What was accepted: which deployment, code and data, and when."""
    with connect(context.settings) as client:
        version = str(client.command("select version()"))
    kind = "embedded" if context.settings.embedded else "server"
    pinned = context.snapshot
    return {
        "deployment": f"{context.settings.environment}, ClickHouse {version} ({kind}) at "
        f"{context.settings.connection('auditor').address}",
        "code": code_revision(),
        "pinned snapshot": f"{pinned.snapshot_id}, data version {pinned.data_version}",
        "checked at": utc(datetime.now(UTC).replace(microsecond=0)),
    }


def markdown(context: Context, verdicts: Sequence[Verdict]) -> str:
    """The page, with a line for a signature."""
    lines = ["# Acceptance", "", *(f"- {name}: {value}" for name, value in header(context).items()), ""]
    for verdict in verdicts:
        lines += [f"## {verdict.number}. {verdict.criterion}: {verdict.state}", ""]
        lines += [f"- {_MARKS[one.state]} {one.says}" for one in verdict.observations]
        lines.append("")
    lines += [conclusion(verdicts), "", "Accepted by: ____________________   Date: ______________", ""]
    return "\n".join(lines)
