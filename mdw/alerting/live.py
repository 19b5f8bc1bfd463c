"""Alerts of the live lane. None of them concerns published data: snapshots do not depend on sockets."""

import json
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from mdw.alerting.alert import Alert

_RUNBOOK = "runbooks/live.md"
_NO_BAR_SECONDS = 180.0
_RECONNECTS = 5
_SPOOL_SHARE = 0.5
_SKEW_MS = 2_000
_MISSED_SHARE, _MISSED_OF_BARS = 0.05, 600

# Feeds of readers that ran within the last day and did not stop cleanly.
_FEEDS = """
    select venue, market, argMax(detail, at), toFloat64(now64(3) - max(at))
    from ops.live_events
    where at > now() - interval 1 day and kind = 'status'
        and reader not in (select reader from ops.live_events where kind = 'stopped' and at > now() - interval 1 day)
    group by venue, market
"""
_COMPLETE = """
    select venue, market, toFloat64(now64(3) - max(recorded_at)) from ops.live_minutes
    where recorded_at > now() - interval 1 day and missing < due group by venue, market
"""
_ENDS = """
    select venue, market, count(), arrayStringConcat(groupUniqArray(cause), ', ') from ops.live_events
    where at > now() - interval 10 minute and kind = 'disconnected' and cause not in ('planned', 'stopped')
    group by venue, market
"""
_MUTE = """
    select venue, market, count(), any(detail) from ops.live_events
    where at > now() - interval 10 minute and kind in ('mute', 'refused') group by venue, market
"""
# Traded bars of a day while connected: closed frames, and bars that REST brought and no frame ever did. Minutes without
# a trade that no frame closes do not count, so a thin series raises nothing.
_MISSED = """
    select venue, market, sum(frames), sum(greatest(rest - late, 0))
    from (
        select venue, market, reader,
            max(JSONExtractInt(detail, 'counts', 'closed frames'))
            - max(JSONExtractInt(detail, 'counts', 'closed frames repeated')) as frames,
            max(JSONExtractInt(detail, 'counts', 'closed frames after rest')) as late,
            max(JSONExtractInt(detail, 'gap_task', 'traded bars by rest')) as rest
        from ops.live_events where kind = 'status' and at > now() - interval 1 day
        group by venue, market, reader
    )
    group by venue, market
"""


def live_alerts(client: Client) -> Iterator[Alert]:
    """One alert per feed and problem; keys begin with `live:`."""
    bars = {(venue, market): age for venue, market, age in client.query(_COMPLETE).result_rows}
    for venue, market, detail, silent in client.query(_FEEDS).result_rows:
        feed, status = f"{venue} {market}", json.loads(detail)
        age = bars.get((venue, market), silent)
        if max(age, silent) > _NO_BAR_SECONDS:
            words = f"The newest bar is {age:.0f} s old, the reader's last status {silent:.0f} s."
            yield _alert(f"live:no_bar:{feed}", "error", f"No live bar of {feed} for three minutes", words)
        if status["spool_share"] > _SPOOL_SHARE:
            words = (
                f"{status['spool_bytes'] / 1e6:.0f} MB are waiting for ClickHouse; at the limit the oldest quotes are "
                "dropped first."
            )
            yield _alert(f"live:spool:{venue}", "warn", f"The spool of {venue} is over half full", words)
        if abs(status.get("skew_ms") or 0) > _SKEW_MS:
            words = f"The clock of {venue} is {status['skew_ms']} ms from ours: repair NTP on the reader's machine."
            yield _alert(f"live:skew:{venue}", "warn", "The reader's clock is wrong", words)
    for venue, market, frames, missed in client.query(_MISSED).result_rows:
        if frames + missed >= _MISSED_OF_BARS and missed > _MISSED_SHARE * (frames + missed):
            share = missed / (frames + missed)
            title = f"The socket of {venue} {market} does not close {share:.0%} of the traded bars"
            words = f"{missed} of {frames + missed} bars of a day came by REST only, while connected."
            yield _alert(f"live:missed:{venue} {market}", "warn", title, words)
    for venue, market, number, causes in client.query(_ENDS).result_rows:
        if number > _RECONNECTS:
            title = f"{number} reconnects of {venue} {market} in ten minutes"
            yield _alert(f"live:reconnects:{venue} {market}", "warn", title, f"Causes: {causes}.")
    for venue, market, _, detail in client.query(_MUTE).result_rows:
        title = f"A subscription of {venue} {market} is refused, or acknowledged and silent"
        yield _alert(f"live:mute:{venue} {market}", "warn", title, detail)


def _alert(key: str, severity: str, title: str, detail: str) -> Alert:
    return Alert(key=key, severity=severity, title=title, detail=detail, runbook=_RUNBOOK)
