"""One alert."""

from dataclasses import dataclass

SEVERITIES = ("error", "warn", "info")


@dataclass(frozen=True)
class Alert:
    """Alerts with the same `key` are about the same problem; `runbook` is a path in this repository."""

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
