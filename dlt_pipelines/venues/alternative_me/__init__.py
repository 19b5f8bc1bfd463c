"""alternative.me: the Crypto Fear & Greed index.

Endpoint: /fng/?limit=0 gives all days in one answer, newest first, values and seconds as text.
Disposition: append. Key: page_id. Limit: 60 calls a minute.
Lands in: raw.alternative_me__fear_greed.
Run alone: python -m dlt_pipelines.venues.alternative_me
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import UnknownErrorCode
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.venue import PageSummary

# The oldest value of the index that alternative.me gives.
_FIRST_VALUE = datetime(2018, 2, 1, tzinfo=UTC)
_ENDPOINT = Endpoint("/fng/", "", "fear_greed_url", Budget("alternative.me calls", 60, 60), history_start=_FIRST_VALUE)


class AlternativeMe:
    """Quirks of alternative.me: not in ccxt, no clock, errors in `metadata.error`."""

    name = "alternative_me"
    ccxt_id = None
    archive = None
    websockets = ()

    def markets(self, dataset: str) -> tuple[str, ...]:
        """The index belongs to no market."""
        return ("",) if dataset == "fear_greed" else ()

    def table(self, series: Series) -> str:
        """The one table."""
        return "fear_greed"

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """The one endpoint."""
        return _ENDPOINT

    def venue_symbol(self, series: Series) -> str:
        """An index has no symbol."""
        return ""

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """All days."""
        return {"limit": "0"}

    def check(self, status: int, body: Any) -> None:
        """A good body has no error in its metadata."""
        error = (body.get("metadata") or {}).get("error") if isinstance(body, dict) else None
        if error:
            raise UnknownErrorCode(f"alternative.me: {error}")

    def read(self, series: Series, body: Any) -> PageSummary:
        """Days are in `data`, their times in seconds."""
        times = [int(text) * 1000 for row in body["data"] if (text := str(row.get("timestamp"))).isdecimal()]
        return PageSummary(rows=len(body["data"]), oldest=min(times, default=None), newest=max(times, default=None))

    def clock(self, series: Series) -> None:
        """It has none."""
        return

    def read_clock(self, body: Any) -> int:
        """Never called."""
        raise NotImplementedError

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Its only address (ccxt has a table of them for other venues)."""
        return {"": origins.get("fear_greed_url") or "https://api.alternative.me"}
