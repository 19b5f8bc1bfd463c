"""What a client of alternative.me sees."""

from replay.clock import parse_instant

DAY = 86_400
TODAY = parse_instant("2025-03-12T00:00Z") // 1000


def test_newest_first_as_text_in_seconds_and_only_the_newest_has_the_time_until_update(ask, synthetic):
    url = synthetic.environment["MDW_FEAR_GREED_URL"] + "/fng/"
    body = ask(url, limit=3, format="json").json
    assert body["metadata"] == {"error": None}
    assert [day["timestamp"] for day in body["data"]] == [str(TODAY - i * DAY) for i in range(3)]
    assert [day.get("time_until_update") for day in body["data"]] == [str(DAY - 9 * 3600 - 1830), None, None]
    assert all(isinstance(day["value"], str) and 0 <= int(day["value"]) <= 100 for day in body["data"])


def test_one_day_by_default_and_all_days_for_zero(ask, synthetic):
    url = synthetic.environment["MDW_FEAR_GREED_URL"] + "/fng/"
    assert len(ask(url).json["data"]) == 1
    days = ask(url, limit=0).json["data"]
    assert days[-1]["timestamp"] == str(parse_instant("2018-02-01T00:00Z") // 1000)
    assert len(days) == (TODAY - int(days[-1]["timestamp"])) // DAY + 1
