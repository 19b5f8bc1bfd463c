"""alternative.me's Fear & Greed index: newest first, values and times (seconds) as text."""

from typing import Any

from aiohttp import web

from replay.venues.context import Context, Refusal, json_response

_DAY_MS = 86_400_000


class AlternativeMe:
    """The handler of `/fng/`."""

    def __init__(self, context: Context):
        self._context = context

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The only endpoint under the prefix."""
        return [web.get(prefix + "/fng/", self.index)]

    async def index(self, request: web.Request) -> web.Response:
        """`limit` days (1 by default, 0 for all); only the newest says when it will be updated."""
        limit = request.query.get("limit", "1")
        if not limit.isdecimal():
            raise Refusal(body([], "limit must be a number"))
        now = self._context.clock.now_ms()
        days = [day for day in self._context.market.fear_greed() if day.time <= now][::-1]
        data: list[dict[str, Any]] = [
            {"value": str(day.value), "value_classification": day.classification, "timestamp": str(day.time // 1000)}
            for day in (days[: int(limit)] if int(limit) else days)
        ]
        if data:
            data[0]["time_until_update"] = str((_DAY_MS - now % _DAY_MS) // 1000)
        return json_response(body(data, None))


def error_body(what: str) -> Any:
    """The body of a failure."""
    return body([], what)


def empty_body(path: str) -> Any:
    """A response without days."""
    return body([], None)


def body(data: list[dict[str, Any]], error: str | None) -> dict[str, Any]:
    """The envelope of every response."""
    return {"name": "Fear and Greed Index", "data": data, "metadata": {"error": error}}
