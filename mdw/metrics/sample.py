"""One measured value."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """A value of a metric of FAMILIES with its labels."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


# Name → (Prometheus type, help text).
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
    "mdw_landing_failures_total": ("counter", "Series or venues that a landing left to a later one."),
    "mdw_faults_total": ("counter", "Requests that failed and were retried, by kind."),
    "mdw_limit_use_ratio": ("gauge", "Share of the venue's documented limit that its newest landing used."),
    "mdw_builds_failed_total": ("counter", "Builds that failed or were abandoned."),
    "mdw_live_status_age_seconds": ("gauge", "Time since the live reader of a feed last reported its status."),
    "mdw_live_connections": ("gauge", "Connections of a live feed that are open."),
    "mdw_live_connections_missing": ("gauge", "Connections of a live feed that are not open."),
    "mdw_live_open_questions": ("gauge", "Bars of a live feed that were requested from REST and have not arrived."),
    "mdw_live_spool_ratio": ("gauge", "Fill level of the spool of a live feed's venue: 1 is full."),
    "mdw_live_frames_total": ("counter", "Frames that a live feed received since its reader began."),
    "mdw_live_open_frames_dropped_total": ("counter", "Frames of open bars that were dropped."),
    "mdw_live_bytes_total": ("counter", "Characters of the frames that a live feed received since its reader began."),
    "mdw_live_quotes_total": ("counter", "Quotes that a live feed received since its reader began."),
    "mdw_live_queued_rows": ("gauge", "Rows of a live reader that are not on disk yet."),
    "mdw_live_rest_weight_total": ("counter", "Weight of the gap task's REST calls, in the venue's units."),
    "mdw_live_bar_age_seconds": ("gauge", "Time since the end of the newest live bar of a series."),
    "mdw_live_close_lateness_seconds": (
        "gauge",
        "From the end of a minute to its closed frame, last hour, by quantile; by our clock (arrival) or the venue's.",
    ),
    "mdw_live_minute_complete_seconds": (
        "gauge",
        "From the end of a minute until all of its bars were stored, last hour, by quantile.",
    ),
    "mdw_live_events_of_a_day": ("gauge", "Events of the live readers in the last day, by kind."),
    "mdw_live_rest_calls_total": ("counter", "REST calls of the gap task since its reader began."),
    "mdw_live_clock_skew_seconds": ("gauge", "The venue's clock minus ours."),
    "mdw_live_bars_of_a_day": ("gauge", "Bars of the last day by source: socket, rest or missing."),
    "mdw_live_complete_minute_age_seconds": ("gauge", "Time since a minute of a live feed was last complete."),
    "mdw_live_disconnects_of_a_day": ("gauge", "Connections that ended in the last day, by cause."),
}
