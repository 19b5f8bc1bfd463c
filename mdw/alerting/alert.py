"""One thing that is wrong."""

from dataclasses import dataclass

SEVERITIES = ("error", "warn", "info")


@dataclass(frozen=True)
class Alert:
    """Alerts of one `key` are about one problem; `runbook` is a path of this repository, `link` where to look."""

    key: str
    severity: str
    title: str
    detail: str = ""
    runbook: str = ""
    link: str = ""

    def text(self, runbook_url: str = "") -> str:
        """The message below the title, plain text."""
        page = f"{runbook_url.rstrip('/')}/{self.runbook}" if runbook_url and self.runbook else self.runbook
        lines = (self.detail, f"Runbook: {page}" if page else "", self.link)
        return "\n".join(line for line in lines if line)
