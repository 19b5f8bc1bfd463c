"""Settings from the environment."""

import pytest

from warehouse.settings import Settings


def test_the_address_of_any_venue_may_be_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MDW_A_VENUE_OF_TOMORROW_URL", "http://127.0.0.1:1/tomorrow/")
    assert Settings.load().origins == {"a_venue_of_tomorrow_url": "http://127.0.0.1:1/tomorrow"}


def test_other_urls_do_not_belong_to_a_venue(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MDW_ALERT_WEBHOOK_URL", "https://hooks.example/secret")
    monkeypatch.setenv("MDW_CLICKHOUSE_URL", "http://user:secret@127.0.0.1:8123")
    settings = Settings.load()
    assert settings.origins == {}
    assert "secret" not in repr(settings)
