"""Metrics of the live lane, from what its readers recorded; none if no reader ran within the last day."""

import json
import math
from collections.abc import Iterator, Sequence
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
_EVENTS = """
    select venue, market, kind, toFloat64(count()) from ops.live_events
    where at > now() - interval 1 day and kind in ('mute', 'refused', 'dropped', 'unreadable', 'gap', 'notice')
    group by venue, market, kind
"""
_PAGES = "merge('raw', '^[a-z]+__live_[a-z]+_(klines|candles)$')"
_AGES = f"""
    select venue, market, symbol, toFloat64(now64(3) - max(window_end)) from {_PAGES}
    where fetched_at > now() - interval 2 hour and window_end is not null group by venue, market, symbol
"""  # noqa: S608 (a constant)
# Frames with one bar: late repeats and old bars are few, and the median does not see them.
_LATENESS = f"""
    select venue, market, quantiles(0.5, 0.99)(toFloat64(fetched_at - window_end)),
        quantilesOrNullIf(0.5, 0.99)(toFloat64(server_time - window_end), server_time is not null)
    from {_PAGES}
    where http_status = 101 and fetched_at > now() - interval 1 hour and row_count = 1 group by venue, market
"""  # noqa: S608
_COMPLETE = """
    select venue, market, quantiles(0.5, 0.99)(toFloat64(complete_at - minute) - 60)
    from ops.live_minutes
    where recorded_at > now() - interval 1 hour and complete_at is not null and by_socket > 0 group by venue, market
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
        yield Sample("mdw_live_bytes_total", float(counts.get("bytes", 0)), labels)
        yield Sample("mdw_live_quotes_total", float(counts.get("quotes", 0)), labels)
        yield Sample("mdw_live_queued_rows", float(status.get("queued", 0)), labels)
        yield Sample("mdw_live_rest_calls_total", float(status["rest_calls"]), labels)
        yield Sample("mdw_live_rest_weight_total", float(status.get("rest_weight", 0)), labels)
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
    for venue, market, kind, number in client.query(_EVENTS).result_rows:
        yield Sample("mdw_live_events_of_a_day", number, {"venue": venue, "market": market, "kind": kind})
    for venue, market, symbol, age in client.query(_AGES).result_rows:
        yield Sample("mdw_live_bar_age_seconds", age, {"venue": venue, "market": market, "symbol": symbol})
    for venue, market, received, event in client.query(_LATENESS).result_rows:
        labels = {"venue": venue, "market": market}
        yield from _quantiles("mdw_live_close_lateness_seconds", {**labels, "by": "arrival"}, received)
        yield from _quantiles("mdw_live_close_lateness_seconds", {**labels, "by": "event"}, event)
    for venue, market, complete in client.query(_COMPLETE).result_rows:
        yield from _quantiles("mdw_live_minute_complete_seconds", {"venue": venue, "market": market}, complete)


def _quantiles(name: str, labels: dict[str, str], values: Sequence[float] | None) -> Iterator[Sample]:
    for quantile, value in zip(("0.5", "0.99"), values or (), strict=False):
        if value is not None and not math.isnan(value):
            yield Sample(name, value, {**labels, "quantile": quantile})
