"""The pinned data of a run: hourly prices, missing bars, funding, Fear & Greed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from alphaforge_data import BadRequest, Client, Frame, Snapshot, timeframe
from mdw.backtest import refusals
from mdw.backtest.parameters import Parameters
from warehouse.errors import BadInput


@dataclass(frozen=True)
class Market:
    """The data that the strategy may use.

    `prices`: one column per instrument, one row per hour; the price at T is the close of the bar that ends at T,
    or of one that ended up to `max_stale_hours` before it, else NaN. `missing`: every gap in the window.
    `funding`: rates by funding time, one column per instrument. `fear_greed`: index value by date.
    """

    snapshot: Snapshot
    start: pd.Timestamp
    end: pd.Timestamp
    prices: pd.DataFrame
    missing: pd.DataFrame
    bars: int
    funding: pd.DataFrame | None
    fear_greed: pd.Series | None


def load(client: Client, parameters: Parameters) -> Market:
    """Read everything at one snapshot. Raises BadInput if the snapshot has too little data or too many gaps."""
    try:
        return _load(client, parameters)
    except BadRequest as error:
        raise BadInput(str(error)) from None


def _load(client: Client, parameters: Parameters) -> Market:
    snapshot = client.snapshot()
    start, end = _window(client, parameters, snapshot)
    bars = client.bars(
        instruments=parameters.instruments,
        timeframe=timeframe(parameters.timeframe),
        start=start,
        end=end,
        columns=["instrument_id", "close_time", "close"],
        snapshot_id=snapshot.snapshot_id,
    )
    missing = _missing(client, parameters, snapshot, start, end)
    absent = int(missing["missing_bars"].sum())
    if absent > parameters.max_missing_share * (bars.num_rows + absent):
        raise refusals.too_many_gaps(snapshot.snapshot_id, parameters, bars.num_rows, missing)
    return Market(
        snapshot=snapshot,
        start=pd.Timestamp(start),
        end=pd.Timestamp(end),
        prices=_hourly(bars, parameters, start, end),
        missing=missing,
        bars=bars.num_rows,
        funding=_funding(client, parameters, snapshot, start, end) if parameters.pays_funding else None,
        fear_greed=_fear_greed(client, snapshot, start, end) if parameters.greed_limit is not None else None,
    )


def _window(client: Client, parameters: Parameters, snapshot: Snapshot) -> tuple[datetime, datetime]:
    start, end = parameters.start, parameters.end
    if start is None or end is None:
        extent = client.extent(
            instruments=parameters.instruments,
            timeframe=timeframe(parameters.timeframe),
            snapshot_id=snapshot.snapshot_id,
        ).to_pylist()
        empty = [row["instrument_id"] for row in extent if not row["bars"]]
        if empty:
            raise refusals.no_bars(snapshot.snapshot_id, parameters, empty)
        start = start or max(row["first_open_time"] for row in extent)
        end = end or min(row["last_close_time"] for row in extent)
    needed = max(parameters.lookback_days, parameters.volatility_days) + 2 * parameters.rebalance_days + 1
    if end - start < timedelta(days=needed):
        raise refusals.too_short(snapshot.snapshot_id, parameters, start, end, needed)
    return start.astimezone(UTC), end.astimezone(UTC)


def _missing(
    client: Client, parameters: Parameters, snapshot: Snapshot, start: datetime, end: datetime
) -> pd.DataFrame:
    gaps: pd.DataFrame = client.gaps(
        instruments=parameters.instruments,
        timeframe=timeframe(parameters.timeframe),
        start=start,
        end=end,
        snapshot_id=snapshot.snapshot_id,
    ).to_pandas()
    return gaps


def _hourly(bars: Frame, parameters: Parameters, start: datetime, end: datetime) -> pd.DataFrame:
    frame = bars.to_pandas()
    frame["instrument_id"] = frame["instrument_id"].astype(str)
    grid = pd.date_range(pd.Timestamp(start).ceil("h"), pd.Timestamp(end).floor("h"), freq="h", unit="ms")
    limit = pd.Timedelta(hours=parameters.max_stale_hours)
    series = {
        instrument: part.set_index("close_time")["close"].reindex(grid, method="ffill", tolerance=limit)
        for instrument, part in frame.groupby("instrument_id")
    }
    return pd.DataFrame(series, index=grid).reindex(columns=list(parameters.instruments))


def _funding(
    client: Client, parameters: Parameters, snapshot: Snapshot, start: datetime, end: datetime
) -> pd.DataFrame:
    frame = client.funding(
        instruments=parameters.instruments, start=start, end=end, snapshot_id=snapshot.snapshot_id
    ).to_pandas()
    frame["instrument_id"] = frame["instrument_id"].astype(str)
    by_time = frame.pivot_table(index="funding_time", columns="instrument_id", values="funding_rate")
    rates: pd.DataFrame = by_time.reindex(columns=list(parameters.instruments))
    for instrument in parameters.instruments:
        _demand_funding(instrument, rates[instrument].dropna(), snapshot, start, end)
    return rates


def _demand_funding(instrument: str, rates: pd.Series, snapshot: Snapshot, start: datetime, end: datetime) -> None:
    edges = pd.DatetimeIndex([start, *rates.index, end])
    widest = int((edges[1:] - edges[:-1]).argmax())
    if edges[widest + 1] - edges[widest] > pd.Timedelta(hours=8, minutes=1):
        raise refusals.no_funding(snapshot.snapshot_id, instrument, edges[widest], edges[widest + 1])


def _fear_greed(client: Client, snapshot: Snapshot, start: datetime, end: datetime) -> pd.Series:
    frame = client.fear_greed(
        start.date() - timedelta(days=4), end.date() + timedelta(days=1), snapshot_id=snapshot.snapshot_id
    ).to_pandas()
    return pd.Series(frame["value"].to_numpy(), index=pd.to_datetime(frame["date"], utc=True), name="fear_greed")
