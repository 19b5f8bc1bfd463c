"""Read the metrics from ClickHouse with a few small queries, none of them over bars."""

from collections.abc import Iterator
from datetime import datetime

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.time_grid import TIMEFRAMES
from mdw.metrics.live import live_samples
from mdw.metrics.sample import Sample
from mdw.quality.freshness import allowed_seconds
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings
from warehouse.snapshots import registry
from warehouse.utc import aware_utc

# A page with corrected coverage has one row for each window that it proves.
_LANDED = (
    "select venue, dataset, toString(lane), toFloat64(sum(row_count)) from ("
    "select distinct venue, dataset, lane, page_id, row_count from ops.coverage) "
    "group by venue, dataset, lane order by all"
)
_BARS = (
    (
        "select 'bars', toString(instrument_id), toString(timeframe), max(last_open_time), "
        "transform(toString(timeframe), <names>, <seconds>, 0) "
        "from marts.dq_series_days where bars > 0 "
        "group by instrument_id, timeframe"
    )
    .replace("<names>", str(list(TIMEFRAMES)))
    .replace("<seconds>", str([ms // 1000 for ms in TIMEFRAMES.values()]))
)
_FUNDING = """
    select 'funding', toString(instrument_id), '', max(funding_time), 0
    from marts.funding_rates group by instrument_id
"""
_FEAR_GREED = (
    "select 'fear_greed', '', '', toDateTime64(max(date), 3, 'UTC'), 0 from marts.fear_greed having count() > 0"
)
_FAULTS = """
    select fault.1, toFloat64(sum(fault.2))
    from (select arrayJoin(faults) as fault from ops.landings) group by fault.1
"""


def samples(settings: Settings) -> list[Sample]:
    """All metrics; only mdw_up = 0 if ClickHouse does not answer."""
    try:
        with connect(settings, "auditor") as client:
            return [Sample("mdw_up", 1), *_all(client, settings.clock())]
    except OperationFailed:
        return [Sample("mdw_up", 0)]


def _all(client: Client, now: datetime) -> Iterator[Sample]:
    tables = {f"{row[0]}.{row[1]}" for row in client.query(_TABLES).result_rows}
    yield from _publication(client)
    if "marts.dq_series_days" in tables:
        yield from _freshness(client, now)
    if "marts.dq_audit_results" in tables:
        yield from _audits(client)
    for venue, dataset, lane, rows in client.query(_LANDED).result_rows:
        yield Sample("mdw_rows_landed_total", rows, {"venue": venue, "dataset": dataset, "lane": lane})
    yield from _landings(client)
    yield from live_samples(client)
    yield Sample("mdw_builds_failed_total", float(client.query(_FAILED).result_rows[0][0]))


_TABLES = "select database, name from system.tables where database = 'marts'"
_FAILED = "select uniqExact(version) from ops.builds where state in ('failed', 'abandoned')"


def _publication(client: Client) -> Iterator[Sample]:
    found = registry.publication_age(client)
    if found is not None:
        yield Sample("mdw_seconds_since_publication", found[0])
        yield Sample("mdw_published_data_version", found[1])


def _freshness(client: Client, now: datetime) -> Iterator[Sample]:
    stale = 0
    for query in (_BARS, _FUNDING, _FEAR_GREED):
        for dataset, instrument, timeframe, newest, step in client.query(query).result_rows:
            age = (now - aware_utc(newest)).total_seconds() - step
            stale += age > allowed_seconds(dataset, timeframe)
            labels = {"dataset": dataset, "instrument_id": instrument, "timeframe": timeframe}
            yield Sample("mdw_series_age_seconds", age, labels)
    yield Sample("mdw_stale_series", stale)


def _audits(client: Client) -> Iterator[Sample]:
    query = (
        "select audit, severity, toFloat64(countIf(severity != 'ok')) from marts.dq_audit_results "
        "where run = (select max(run) from marts.dq_audit_results) group by audit, severity order by all"
    )
    errors = 0.0
    for audit, severity, found in client.query(query).result_rows:
        errors += found if severity == "error" else 0
        yield Sample("mdw_audit_findings", found, {"audit": audit, "severity": severity})
    yield Sample("mdw_audit_errors", errors)


def _landings(client: Client) -> Iterator[Sample]:
    count, failures = client.query("select count(), toFloat64(sum(failures)) from ops.landings").result_rows[0]
    yield Sample("mdw_landings_total", count)
    yield Sample("mdw_landing_failures_total", failures)
    for kind, number in client.query(_FAULTS).result_rows:
        yield Sample("mdw_faults_total", number, {"kind": kind})
    newest = client.query(
        "select venue, argMax(share, recorded_at) from (select recorded_at, arrayJoin(limit_use) as used, "
        "used.1 as venue, used.2 as share from ops.landings) group by venue order by venue"
    ).result_rows
    for venue, share in newest:
        yield Sample("mdw_limit_use_ratio", share, {"venue": venue})
