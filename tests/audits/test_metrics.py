"""What Prometheus scrapes matches the warehouse."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
import yaml
from pydantic import SecretStr

from dlt_pipelines.core.series import Series
from dlt_pipelines.live import rows
from dlt_pipelines.live.clock import recv_us
from mdw.alerting.live import live_alerts
from mdw.metrics.exposition import exposition
from mdw.metrics.reading import samples
from mdw.metrics.sample import Sample
from mdw.metrics.serving import server
from tests.audits.seeding import NOW
from tests.dbt.conftest import Dbt, Outcome
from warehouse.project import PROJECT
from warehouse.settings import Settings


def scrape(settings: Settings, path: str = "/metrics") -> str:
    with server(settings, "127.0.0.1", 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{serving.server_port}{path}") as answer:
                return str(answer.read().decode())
        finally:
            serving.shutdown()


def test_a_scrape_has_publication_freshness_audits_and_landings(refused: tuple[Dbt, Outcome]):
    dbt, _ = refused
    with dbt.warehouse.client("ingest") as client:
        columns = ["seconds", "pages", "rows", "failures", "faults", "limit_use"]
        client.insert("ops.landings", [[2.0, 3, 4, 1, {"429": 5}, {"okx": 0.5}]], column_names=columns)
    text = scrape(Settings(home=dbt.warehouse.settings.home, clickhouse_url=None, now=NOW))
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines["mdw_up"] == "1.0"
    assert lines["mdw_published_data_version"] == "1.0"
    assert float(lines["mdw_seconds_since_publication"]) >= 0
    assert lines['mdw_faults_total{kind="429"}'] == "5.0"
    assert lines['mdw_limit_use_ratio{venue="okx"}'] == "0.5"
    assert lines['mdw_audit_findings{audit="bars_ohlc_invariants",severity="error"}'] == "1.0"
    assert float(lines["mdw_audit_errors"]) > 20
    # The newest minute of okx opened nine minutes after the start of the seeded market, ten days ago.
    age = lines['mdw_series_age_seconds{dataset="bars",instrument_id="okx:spot:BTC/USDT",timeframe="1m"}']
    assert float(age) == 10 * 86400 - 10 * 60
    assert float(lines["mdw_stale_series"]) > 5
    assert lines['mdw_rows_landed_total{dataset="bars",lane="rest",venue="okx"}'] == "1.0"


def test_the_command_serves_until_it_is_stopped(refused: tuple[Dbt, Outcome]):
    command = [sys.executable, "-m", "mdw", "status", "--serve", "--port", "0"]
    environment = {**os.environ, **refused[0].warehouse.environment}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        try:
            assert serving.stdout is not None
            said = serving.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+/metrics", said)
            assert address, said
            with urllib.request.urlopen(address[0], timeout=60) as answer:
                assert answer.headers["Content-Type"].startswith("text/plain")
                assert "mdw_up 1.0\n" in answer.read().decode()
            serving.terminate()
            _, complaints = serving.communicate(timeout=60)
        finally:
            serving.kill()
    assert serving.returncode == -signal.SIGTERM
    assert complaints == ""


def test_an_unreachable_warehouse_is_a_response_and_a_failed_probe():
    away = Settings(clickhouse_url=SecretStr("http://nobody:nothing@127.0.0.1:9"))
    assert "mdw_up 0.0" in scrape(away)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        scrape(away, "/healthz")


def test_labels_are_escaped():
    text = exposition([Sample("mdw_faults_total", 1, {"kind": 'say "no"\n\\'})])
    assert 'mdw_faults_total{kind="say \\"no\\"\\n\\\\"} 1.0' in text


def test_the_dashboard_asks_for_metrics_that_exist():
    from mdw.metrics.sample import FAMILIES

    dashboard = yaml.safe_load((PROJECT / "infra/grafana/market_data_warehouse.json").read_text())
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert all(word in FAMILIES for word in set(re.findall(r"mdw_\w+", asked)))
    assert len(dashboard["panels"]) >= 10


def test_live_feeds_tell_lateness_ages_and_what_rest_alone_brought(refused: tuple[Dbt, Outcome]):
    warehouse = refused[0].warehouse
    now = recv_us()
    opened = now // 60_000_000 * 60_000 - 60_000
    series = Series("bars", "okx", "spot", "BTC/USDT", "1m")
    frame = rows.page(
        "okx__live_spot_candles", series, "BTC-USDT", "ws/v5/business", {"conn": "a"}, "{}",
        opens=(opened,), status=101, received_us=(opened + 61_500) * 1000, server_ms=None, rows=1,
    )  # fmt: skip
    minute = rows.minute("r", "okx", "spot", opened, due=1, by_socket=1, by_rest=0, complete=True)
    status = {
        "connected": 1, "connections": 2, "open_questions": 0, "spool_share": 0.6, "spool_bytes": 4e7, "skew_ms": 2500,
        "rest_calls": 3, "rest_weight": 6, "queued": 7,
        "counts": {"closed frames": 910, "closed frames repeated": 10, "closed frames after rest": 40},
        "gap_task": {"traded bars by rest": 140},
    }  # fmt: skip
    told = [
        rows.event("r", kind, venue="okx", market="spot", cause=cause, detail=detail)
        for kind, cause, detail in (
            ("status", "", json.dumps(status)),
            ("mute", "", "silent"),
            *[("disconnected", "no_pong", "")] * 6,
        )
    ]
    with warehouse.client("ingest") as client:
        for row in (frame, minute, *told):
            client.command(f"insert into {row.table} format JSONEachRow {row.line.decode()}")
    lines = dict(
        line.rsplit(" ", 1) for line in exposition(samples(Settings(home=warehouse.settings.home))).splitlines()
    )
    feed, timed = 'market="spot",venue="okx"', 'market="spot",quantile="0.5",venue="okx"'
    assert float(lines[f'mdw_live_close_lateness_seconds{{by="arrival",{timed}}}']) == 1.5
    assert f'mdw_live_close_lateness_seconds{{by="event",{timed}}}' not in lines, "candles have no time"
    assert 0 <= float(lines['mdw_live_bar_age_seconds{market="spot",symbol="BTC/USDT",venue="okx"}']) < 120
    assert float(lines[f"mdw_live_minute_complete_seconds{{{timed}}}"]) < 90
    assert lines[f"mdw_live_rest_weight_total{{{feed}}}"] == "6.0"
    assert lines[f"mdw_live_queued_rows{{{feed}}}"] == "7.0"
    assert lines[f'mdw_live_events_of_a_day{{kind="mute",{feed}}}'] == "1.0"
    with warehouse.client("auditor") as client:
        alerts = {alert.key: alert for alert in live_alerts(client)}
    # Ages are by now's clock, and the minute is fresh: no bar is missing.
    assert alerts.keys() == {
        "live:spool:okx", "live:skew:okx", "live:missed:okx spot", "live:reconnects:okx spot", "live:mute:okx spot"
    }  # fmt: skip
    assert alerts["live:missed:okx spot"].detail.startswith("100 of 1000 bars")
    runbook = (PROJECT / "runbooks" / "live.md").read_text()
    assert [key for key in alerts if f"`{':'.join(key.split(':')[:2])}:…`" not in runbook] == []
