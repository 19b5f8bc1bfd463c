"""Queries of the report. Each aggregates in ClickHouse and returns at most one value per series and day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from clickhouse_connect.driver.client import Client

from mdw.quality.freshness import allowed_seconds
from mdw.reports.data_quality.data import (
    GAP_CLASSES,
    Coverage,
    Extent,
    Freshness,
    Gap,
    GapTotal,
    PublishedSnapshot,
    Revision,
    Spread,
    day_states,
)
from warehouse.snapshots import registry
from warehouse.utc import aware_utc

_LONGEST = 60
_BUILDS_SHOWN_SINGLY = 60
_DAYS_SHOWN_SINGLY = 400


def _rows(client: Client, query: str, **parameters: object) -> list[Any]:
    return list(client.query(query, parameters=parameters).result_rows)


def _label(instrument_id: str, timeframe: str) -> str:
    return f"{instrument_id.replace(':', ' ')} {timeframe}".strip()


def newest_snapshot(client: Client) -> PublishedSnapshot | None:
    """The newest published snapshot; None before the first publication."""
    found = registry.newest_contents(client)
    if found is None:
        return None
    newest, counts, hashes = found
    datasets = tuple((dataset, int(counts[dataset]), str(hashes[dataset])) for dataset in sorted(counts))
    return PublishedSnapshot(
        newest.snapshot_id,
        newest.data_version,
        aware_utc(newest.published_at),
        newest.code_revision,
        newest.note,
        datasets,
        newest.withdrawn,
    )


def gaps(client: Client) -> tuple[tuple[GapTotal, ...], dict[tuple[str, str], dict[date, int]]]:
    """Totals by series and class, and missing bars by (series, class) and day."""
    totals = []
    days: dict[tuple[str, str], dict[date, int]] = {}
    for instrument, timeframe, kind, ranges, missing, longest, by_day in _rows(client, _GAPS, longest=_LONGEST):
        label = _label(instrument, timeframe)
        pieces = tuple(Gap(label, kind, aware_utc(start), aware_utc(end), int(lost)) for start, end, lost in longest)
        totals.append(GapTotal(label, kind, int(ranges), int(missing), pieces))
        days[label, kind] = dict(zip(by_day[0], (int(value) for value in by_day[1]), strict=True))
    return tuple(totals), days


def coverage(client: Client, missing: dict[tuple[str, str], dict[date, int]]) -> Coverage | None:
    """Bars and state of each series and day; None if the snapshot has no bars and none are missing."""
    present = {
        _label(instrument, timeframe): dict(zip(days, counts, strict=True))
        for instrument, timeframe, days, counts in _rows(client, _DAYS)
    }
    labels = tuple(sorted({*present, *(label for label, _ in missing)}))
    known = [day for days in (*present.values(), *missing.values()) for day in days]
    if not known:
        return None
    first, last = min(known), max(known)
    shape = (len(labels), (last - first).days + 1)
    row = {label: index for index, label in enumerate(labels)}

    def grid(of: Iterator[tuple[str, dict[date, int]]]) -> Any:
        cells = np.zeros(shape, np.uint32)
        for label, days in of:
            columns = [(day - first).days for day in days]
            cells[row[label], columns] = list(days.values())
        return cells

    bars = grid(iter(present.items()))
    lost = {
        kind: grid((label, days) for (label, found), days in missing.items() if found == kind) for kind in GAP_CLASSES
    }
    touched = (bars + sum(lost.values())) > 0
    states = day_states(bars, lost, touched)
    return Coverage(labels, first, np.minimum(bars, 65535).astype(np.uint16), states)


def revisions(client: Client, version: int) -> tuple[tuple[Revision, ...], tuple[tuple[str, int, str], ...]]:
    """Changes by build, oldest first (by day if there are many builds), and the most revised series."""
    rows = _rows(client, _REVISIONS, version=version)
    builds = [Revision(f"build {number}", aware_utc(at), int(new), int(revised)) for number, at, new, revised in rows]
    if len(builds) > _BUILDS_SHOWN_SINGLY:
        by_day: dict[str, Revision] = {}
        for build in builds:
            name = build.at.date().isoformat()
            before = by_day.get(name, Revision(name, build.at, 0, 0))
            by_day[name] = Revision(name, before.at, before.new + build.new, before.revised + build.revised)
        builds = list(by_day.values())
    series = _rows(client, _REVISED_SERIES, version=version)
    return tuple(builds), tuple(
        (_label(instrument, timeframe), int(revised), f"build {last}")
        for instrument, timeframe, revised, last in series
    )


def spreads(client: Client) -> tuple[tuple[Spread, ...], str]:
    """Distance of each venue from the median of the venues, from 1h bars (1m if there are none), and the bucket."""
    found = _rows(client, _SPREAD_SPAN)
    span = {timeframe: days for timeframe, days in found if days}
    if not span:
        return (), "day"
    timeframe = "1h" if "1h" in span else next(iter(span))
    bucket = "day" if span[timeframe] <= _DAYS_SHOWN_SINGLY else "week"
    start_of = "toDate" if bucket == "day" else "toMonday"
    rows = _rows(client, _SPREADS.replace("<bucket>", start_of), timeframe=timeframe)
    return tuple(
        Spread(symbol, venue, tuple(days), np.array(median, np.float32), np.array(worst, np.float32))
        for symbol, venue, days, median, worst in rows
    ), bucket


def freshness(client: Client, now: datetime) -> tuple[Freshness, ...]:
    """Age of every series of the universe at `now`, most overdue first."""
    found = []
    for dataset, instrument, timeframe, newest in _rows(client, _FRESHNESS):
        age = None if newest is None else max((now - aware_utc(newest)) / timedelta(seconds=1), 0.0)
        label = _label(instrument, timeframe or dataset) if instrument else "Fear & Greed index"
        found.append(Freshness(dataset, label, newest and aware_utc(newest), age, allowed_seconds(dataset, timeframe)))
    return tuple(sorted(found, key=lambda series: (-series.overdue, series.label)))


def extents(client: Client) -> tuple[Extent, ...]:
    """What the snapshot has of funding, instruments and Fear & Greed."""
    found = []
    for dataset, label, rows, first, last, missing, note in _rows(client, _EXTENTS):
        name = _label(label, "") if label else "Fear & Greed index"
        due = None if missing is None else int(missing)
        found.append(Extent(dataset, name, int(rows), first and aware_utc(first), last and aware_utc(last), due, note))
    return tuple(found)


_GAPS = """
select
    instrument_id, timeframe, class, count(), sum(missing_bars),
    arraySlice(arrayReverseSort(gap -> gap.3, groupArray((gap_start, gap_end, missing_bars))), 1, {longest:UInt32}),
    sumMap(
        arrayMap(number -> addDays(toDate(gap_start), number), day_numbers) as days,
        arrayMap(day -> intDiv(
            dateDiff('millisecond', greatest(gap_start, toDateTime64(day, 3, 'UTC')),
                least(gap_end, toDateTime64(addDays(day, 1), 3, 'UTC'))) + bar_ms - 1, bar_ms), days)
    )
from (
    select *, range(toUInt32(toDate(subtractMilliseconds(gap_end, 1)) - toDate(gap_start) + 1)) as day_numbers,
        toInt64(dateDiff('millisecond', gap_start, gap_end) / missing_bars) as bar_ms
    from marts.v_bar_gaps
)
group by instrument_id, timeframe, class
order by instrument_id, timeframe, class
"""

_DAYS = """
select instrument_id, timeframe, groupArray(day), groupArray(bars)
from (
    select instrument_id, timeframe, toDate(open_time) as day, count() as bars
    from marts.v_bars_latest group by instrument_id, timeframe, day order by day
)
group by instrument_id, timeframe
"""

_REVISIONS = """
with moves as (
    select valid_from_version as version, toInt64(count()) as opened, toInt64(0) as closed
    from marts.bars final where valid_from_version <= {version:UInt32} group by version
    union all
    select valid_to_version as version, toInt64(0) as opened, toInt64(count()) as closed
    from marts.bars final where valid_to_version <= {version:UInt32} group by version
)
select moves.version, any(builds.at), sum(opened) - sum(closed), sum(closed)
from moves inner join (
    select version, min(recorded_at) as at from ops.builds where state = 'running' group by version
) as builds on moves.version = builds.version
group by moves.version order by moves.version
"""

_REVISED_SERIES = """
select instrument_id, timeframe, count() as revised, max(valid_to_version)
from marts.bars final where valid_to_version <= {version:UInt32}
group by instrument_id, timeframe order by revised desc, instrument_id, timeframe limit 20
"""

_SPREAD_SPAN = """
select timeframe, dateDiff('day', min(open_time), max(open_time)) + 1
from marts.v_bars_latest where market = 'spot' group by timeframe having uniqExact(venue) > 1 order by timeframe
"""

_SPREADS = """
select symbol, venue, groupArray(day), groupArray(median), groupArray(worst)
from (
    select
        symbol, quote.1 as venue, <bucket>(open_time) as day,
        quantileExact(0.5)(abs(quote.2 / middle - 1) * 1e4) as median,
        max(abs(quote.2 / middle - 1) * 1e4) as worst
    from (
        select symbol, open_time, groupArray((venue, close)) as quotes, quantileExactInclusive(0.5)(close) as middle
        from marts.v_bars_latest
        where market = 'spot' and timeframe = {timeframe:String}
        group by symbol, open_time having count() > 1
    ) array join quotes as quote
    group by symbol, venue, day order by day
)
group by symbol, venue order by symbol, venue
"""

_FRESHNESS = """
select dataset, instrument_id, timeframe, max(newest)
from (
    select 'bars' as dataset, toString(instrument_id) as instrument_id, toString(timeframe) as timeframe,
        toNullable(max(close_time)) as newest
    from marts.v_bars_latest group by instrument_id, timeframe
    union all
    select 'funding', toString(instrument_id) as id, '', toNullable(max(funding_time))
    from marts.v_funding_latest group by id
    union all
    select 'fear_greed', '', '', toNullable(toDateTime64(max(date), 3, 'UTC')) from marts.v_fear_greed_latest
    having count() > 0
    union all
    select dataset, instrument_id, timeframe, cast(null as Nullable(DateTime64(3, 'UTC')))
    from staging.universe_series where dataset in ('bars', 'funding')
)
group by dataset, instrument_id, timeframe
"""

# A payment is missing if two payments are more than one interval apart.
_EXTENTS = """
with
    payments as (
        select
            toString(instrument_id) as series, funding_time, interval_hours,
            lagInFrame(toNullable(funding_time)) over (partition by instrument_id order by funding_time) as before
        from marts.v_funding_latest
    ),
    held as (
        select 'funding' as dataset, series as label, toUInt64(count()) as held_rows,
            toNullable(min(funding_time)) as first, toNullable(max(funding_time)) as last,
            if(countIf(interval_hours is null) > 1, null, toInt64(sum(
                greatest(round(dateDiff('second', before, funding_time) / 3600 / interval_hours) - 1, 0)))) as missing,
            if(any(interval_hours) is null, '', concat('every ', arrayStringConcat(arraySort(
                groupUniqArray(assumeNotNull(toString(interval_hours)))), ', '), ' h')) as note
        from payments group by series
        union all
        select 'instruments', concat(venue, ':', market), uniqExact(instrument_id),
            toNullable(min(valid_from)), toNullable(max(valid_from)), cast(null as Nullable(Int64)),
            concat(toString(uniqExactIf(instrument_id, status = 'trading' and valid_to is null)), ' trading, ',
                toString(count()), ' states')
        from marts.v_instruments_latest group by venue, market
        union all
        select 'fear_greed', '', count(), toNullable(toDateTime64(min(date), 3, 'UTC')),
            toNullable(toDateTime64(max(date), 3, 'UTC')),
            toNullable(toInt64(dateDiff('day', min(date), max(date)) + 1 - count())), 'daily'
        from marts.v_fear_greed_latest having count() > 0
    )
select dataset, label, held_rows, first, last, missing, note
from held order by indexOf(['funding', 'instruments', 'fear_greed'], dataset), label
"""
