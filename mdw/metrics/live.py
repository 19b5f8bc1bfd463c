"""Metrics of the live lane, from what its readers recorded; none if no reader ran within the last day."""

import json
from collections.abc import Iterator
from typing import Any

from clickhouse_connect.driver.client import Client

from mdw.metrics.sample import Sample

# The newest status of each feed whose reader has not stopped cleanly since.
_STATUS = """
    select venue, market, argMax(detail, at), toFloat64(now64(3) - max(at))
    from ops.live_events
    where at > now() - interval 1 day and kind = 'status'
        and reader not in (select reader from ops.live_events where kind = 'stopped' and at > now() - interval 1 day)
    group by venue, market
"""
_MINUTES = """
    select venue, market, toFloat64(sum(by_socket)), toFloat64(sum(by_rest)), toFloat64(sum(missing)),
        toFloat64(now64(3) - maxIf(complete_at, complete_at is not null))
    from (
        select * from ops.live_minutes where recorded_at > now() - interval 1 day
        order by venue, market, minute, due desc, isNull(complete_at), complete_at, recorded_at desc
        limit 1 by venue, market, minute
    )
    group by venue, market
"""
_ENDS = """
    select venue, market, cause, toFloat64(count()) from ops.live_events
    where at > now() - interval 1 day and kind = 'disconnected' group by venue, market, cause
"""


def live_samples(client: Client) -> Iterator[Sample]:
    """Metrics by feed: age of the newest status and complete minute, minutes by source, ends by cause, spool, skew."""
    for venue, market, detail, age in client.query(_STATUS).result_rows:
        labels = {"venue": venue, "market": market}
        status: dict[str, Any] = json.loads(detail)
        counts = status.get("counts", {})
        yield Sample("mdw_live_status_age_seconds", age, labels)
        yield Sample("mdw_live_connections", float(status["connected"]), labels)
        yield Sample("mdw_live_connections_missing", float(status["connections"] - status["connected"]), labels)
        yield Sample("mdw_live_open_questions", float(status["open_questions"]), labels)
        yield Sample("mdw_live_spool_ratio", float(status["spool_share"]), labels)
        yield Sample("mdw_live_frames_total", float(counts.get("frames", 0)), labels)
        yield Sample("mdw_live_open_frames_dropped_total", float(counts.get("open frames dropped", 0)), labels)
        yield Sample("mdw_live_rest_calls_total", float(status["rest_calls"]), labels)
        if status.get("skew_ms") is not None:
            yield Sample("mdw_live_clock_skew_seconds", status["skew_ms"] / 1000, labels)
    for venue, market, socket, rest, missing, age in client.query(_MINUTES).result_rows:
        labels = {"venue": venue, "market": market}
        for source, number in (("socket", socket), ("rest", rest), ("missing", missing)):
            yield Sample("mdw_live_bars_of_a_day", number, {**labels, "source": source})
        if age is not None:
            yield Sample("mdw_live_complete_minute_age_seconds", age, labels)
    for venue, market, cause, number in client.query(_ENDS).result_rows:
        yield Sample("mdw_live_disconnects_of_a_day", number, {"venue": venue, "market": market, "cause": cause})
