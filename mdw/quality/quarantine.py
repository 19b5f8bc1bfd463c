"""Recorded decisions about bad rows (ops.quarantine). The next build applies them: see runbooks/audits.md."""

import getpass
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from warehouse.errors import BadInput
from warehouse.utc import aware_utc

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)
_MARTS = {"bars": "bars", "funding": "funding_rates", "instruments": "instruments", "fear_greed": "fear_greed"}
_COLUMNS = ("quarantine_id", "action", "dataset", "instrument_id", "timeframe", "range_start", "range_end", "reason")


@dataclass(frozen=True)
class Decision:
    """An active quarantine, or exclusion of a series (action `without`). Range in UTC, end exclusive."""

    quarantine_id: str
    action: str
    dataset: str
    instrument_id: str
    timeframe: str
    range_start: datetime
    range_end: datetime
    reason: str
    author: str
    recorded_at: datetime


def author() -> str:
    """Author of decisions: MDW_AUTHOR, else the user and machine."""
    return os.environ.get("MDW_AUTHOR") or f"{getpass.getuser()}@{socket.gethostname()}"


def parse_series(text: str, dataset: str | None) -> tuple[str, str, str]:
    """(dataset, instrument_id, timeframe) of `binance:spot:BTC/USDT[@1m]` or `fear_greed`; raises BadInput."""
    instrument, _, timeframe = text.partition("@")
    wanted = dataset or ("fear_greed" if text == "fear_greed" else "bars")
    if wanted not in _MARTS:
        raise BadInput(f"--dataset is {wanted!r}; allowed are {', '.join(_MARTS)}.")
    if wanted == "fear_greed":
        return wanted, "", ""
    if instrument.count(":") != 2 or "/" not in instrument:
        raise BadInput(
            f"{text!r} is not a series: write INSTRUMENT or INSTRUMENT@TIMEFRAME, such as binance:spot:BTC/USDT@1m, "
            "or fear_greed."
        )
    if timeframe and wanted != "bars":
        raise BadInput(f"{text!r} names a timeframe, which only bars have; leave it out for --dataset {wanted}.")
    return wanted, instrument, timeframe


def record(
    client: Client,
    action: str,
    series: tuple[str, str, str],
    reason: str,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Decision:
    """Record a decision. A start without an end means the one row at that time.

    Raises BadInput without a reason, or if the marts have no rows of the series.
    """
    if not reason.strip():
        raise BadInput('A decision needs --reason "why, and what was checked", which is recorded with it.')
    dataset, instrument, timeframe = series
    _check_known(client, dataset, instrument, timeframe)
    if end is not None and start is None:
        raise BadInput("--end without --start: give both, or neither for the whole series.")
    first = start or BEGINNING
    last = end or (start + timedelta(milliseconds=1) if start else END)
    if last <= first:
        raise BadInput(f"--end {last.isoformat()} is not after --start {first.isoformat()}: the end is exclusive.")
    name = f"q{secrets.token_hex(4)}"
    _insert(client, (name, action, dataset, instrument, timeframe, first, last, reason))
    return next(one for one in active(client) if one.quarantine_id == name)


def release(client: Client, quarantine_id: str, reason: str) -> Decision:
    """End a decision: the next build brings its rows back. Raises BadInput if it is not active."""
    known = {one.quarantine_id: one for one in active(client)}
    if quarantine_id not in known:
        listed = ", ".join(known) or "none"
        raise BadInput(f"{quarantine_id!r} is not an active quarantine; active ones: {listed}.")
    one = known[quarantine_id]
    row = (one.dataset, one.instrument_id, one.timeframe, one.range_start, one.range_end)
    _insert(client, (quarantine_id, "release", *row, reason or "released"))
    return one


def active(client: Client) -> list[Decision]:
    """Decisions that have not been released, oldest first."""
    rows = client.query(
        f"select {', '.join(_COLUMNS)}, author, recorded_at from ops.quarantine where action != 'release' "  # noqa: S608
        "and quarantine_id not in (select quarantine_id from ops.quarantine where action = 'release') "
        "order by recorded_at"
    ).result_rows
    return [Decision(*(_aware(value) for value in row)) for row in rows]


def _insert(client: Client, row: tuple[object, ...]) -> None:
    client.insert("ops.quarantine", [[*row, author()]], column_names=[*_COLUMNS, "author"])


def _check_known(client: Client, dataset: str, instrument: str, timeframe: str) -> None:
    if dataset == "fear_greed":
        return
    query = f"select count() from marts.{_MARTS[dataset]} where instrument_id = {{i:String}}"  # noqa: S608
    if timeframe:
        query += " and timeframe = {t:String}"
    set_aside = [
        f"select count() from marts.{table} where instrument_id = {{i:String}} and dataset = {{d:String}}"  # noqa: S608
        for table in ("dq_rejected_rows", "dq_conflicting_rows")
        if client.command(f"exists table marts.{table}")
    ]
    values = {"i": instrument, "t": timeframe, "d": dataset}
    if any(client.query(text, parameters=values).result_rows[0][0] for text in (query, *set_aside)):
        return
    raise BadInput(
        f"The marts have no {dataset} of {instrument}{'@' + timeframe if timeframe else ''}: nothing was recorded. "
        "`mdw audit --last` shows the series of each finding."
    )


def _aware(value: Any) -> Any:
    return aware_utc(value) if isinstance(value, datetime) else value
