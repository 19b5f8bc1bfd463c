"""One measured value."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """A value of a metric of FAMILIES with its labels."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


# Name → (kind for Prometheus, what it means).
FAMILIES = {
    "mdw_up": ("gauge", "1 while ClickHouse answers."),
    "mdw_seconds_since_publication": ("gauge", "Age of the newest published snapshot; absent before the first."),
    "mdw_published_data_version": ("gauge", "Data version of the newest published snapshot."),
    "mdw_series_age_seconds": ("gauge", "Time since the end of the newest bar, or since the newest payment or value."),
    "mdw_stale_series": ("gauge", "Series older than the schedule allows (docs/audits.md)."),
    "mdw_audit_findings": ("gauge", "Findings of the newest run of the audits, by audit and severity."),
    "mdw_audit_errors": ("gauge", "Findings of severity error in the newest run: they block publication."),
    "mdw_rows_landed_total": ("counter", "Records in landed pages, by venue, dataset and lane."),
    "mdw_landings_total": ("counter", "Landings that ended."),
    "mdw_landing_failures_total": ("counter", "Series or venues that a landing left for a later one."),
    "mdw_faults_total": ("counter", "Requests that failed and were tried again, by kind."),
    "mdw_limit_use_ratio": ("gauge", "Share of the venue's documented limit that its newest landing used."),
    "mdw_builds_failed_total": ("counter", "Builds that failed or were abandoned."),
}
