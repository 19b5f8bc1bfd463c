"""Complete runs of `market_data_backfill`, with a landing and the build killed, and `market_data_daily`; an update
without a venue."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import Warehouse
from tests.dags.airflow_home import Airflow, Run
from tests.dags.conftest import NOW

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

FORM = {
    "datasets": ["bars"],
    "venues": ["binance", "okx"],
    "symbols": ["BTC/USDT"],
    "timeframes": ["1h"],
    "start": "2025-06-30T00:00:00+00:00",
    "end": "2025-06-30T12:00:00+00:00",
    "snapshot_id": "june.30",
}


@pytest.fixture(scope="module")
def backfill(line: Airflow) -> Run:
    kill = {"MDW_TEST_KILL": "backfill --dataset bars --venue binance,build", "MDW_TEST_KILL_REQUESTS": "1"}
    killed = Airflow(line.home, line.pipeline | kill)
    return killed.test_dag("market_data_backfill", NOW.isoformat(), "--conf", json.dumps(FORM))


def test_backfill_lands_what_the_form_names_and_publishes_it(backfill: Run, dag_warehouse: Warehouse):
    assert backfill.state == "success", backfill.log
    tasks = backfill.tasks
    assert tasks["okx.land[0]"] == ("success", 1)
    assert tasks["alternative_me.land"][0] == "skipped"
    # These two were killed midway.
    assert tasks["binance.land[0]"] == tasks["build"] == ("success", 2)
    assert dag_warehouse.rows(
        "select venue, count(), toString(min(open_time)), toString(max(open_time)) "
        "from marts.v_bars_at(snapshot_id = 'june.30') group by venue order by venue"
    ) == [(venue, 12, "2025-06-30 00:00:00.000", "2025-06-30 11:00:00.000") for venue in ("binance", "okx")]


def test_backfill_publishes_the_id_of_the_form(backfill: Run):
    assert [event["snapshot_id"] for event in backfill.events] == ["june.30"]


def test_the_form_refuses_what_is_not_in_the_universe(line: Airflow):
    run = line.test_dag("market_data_backfill", "2025-06-30T01:00:00+00:00", "--conf", '{"venues": ["kraken"]}')
    assert run.code != 0
    assert "kraken" in run.log


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """A deployment's data bucket on loopback: the environment that makes tasks use it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MDW_DATA_BUCKET": "market-data",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="market-data")
        yield environment
    server.stop()


@pytest.fixture(scope="module")
def daily(backfill: Run, line: Airflow, bucket: dict[str, str]) -> Run:
    kill = {"MDW_TEST_KILL": "build"}
    return Airflow(line.home, line.pipeline | bucket | kill).test_dag("market_data_daily", NOW.isoformat())


def test_daily_runs_whole_with_its_build_killed_in_the_middle(daily: Run, dag_warehouse: Warehouse):
    assert daily.state == "success", daily.log
    assert {state for state, _ in daily.tasks.values()} == {"success"}
    assert daily.tasks["build"] == ("success", 2)
    assert [event["snapshot_id"] for event in daily.events] == ["daily-20250701"]
    instruments = "select uniqExact(venue) from marts.v_instruments_at(snapshot_id = 'daily-20250701')"
    assert dag_warehouse.rows(instruments) == [(2,)]


def test_its_reports_and_its_export_are_in_the_bucket_and_say_what_they_should(daily: Run, bucket: dict[str, str]):
    listed = boto3.client("s3").list_objects_v2(Bucket="market-data")["Contents"]
    sizes = {entry["Key"]: entry["Size"] for entry in listed}
    for page, word in (("data_quality.html", "daily-20250701"), ("catalog.html", "v_bars")):
        for folder in ("2025-07-01", "latest"):
            assert word in read(f"reports/{folder}/{page}")
    assert (
        boto3.client("s3")
        .head_object(Bucket="market-data", Key="reports/latest/catalog.html")["ContentType"]
        .startswith("text/html")
    )
    assert [key for key in sizes if key.startswith("iceberg/") and key.endswith(".parquet")]
    assert [key for key in sizes if key.startswith("iceberg/") and key.endswith(".metadata.json")]


def read(key: str) -> str:
    return boto3.client("s3").get_object(Bucket="market-data", Key=key)["Body"].read().decode()


def test_an_unavailable_venue_does_not_hold_up_the_others(line: Airflow, dag_warehouse: Warehouse):
    away = Airflow(line.home, line.pipeline | {"MDW_TEST_FAIL": "update --venue okx"})
    run = away.test_dag("market_data_update", NOW.isoformat(), "--mark-success-pattern", "build|watch")
    assert run.tasks["land_okx"] == ("failed", 3)
    assert run.tasks["build"][0] == "success"
    assert run.tasks["all_clear"][0] == "upstream_failed"
    assert run.state == "failed"
    (alert,) = [said for said in told(dag_warehouse) if "--resolve" not in said and said[1] != "check"]
    assert alert[1] == "market_data_update.land_okx failed after 3 tries"
    link = alert[alert.index("--link") + 1]
    assert "/dags/market_data_update/runs/manual__" in link
    assert link.endswith("/tasks/land_okx")
    assert alert[alert.index("--key") + 1] == "airflow:market_data_update:land_okx"


def test_the_next_good_run_ends_the_alerts_of_its_dag(line: Airflow, dag_warehouse: Warehouse):
    run = line.test_dag("market_data_update", "2025-07-01T00:21:30+00:00", "--mark-success-pattern", "build|watch")
    assert run.state == "success", run.log
    *_, last = told(dag_warehouse)
    assert "--resolve" in last
    assert last[last.index("--key") + 1] == "airflow:market_data_update"


def told(warehouse: Warehouse) -> list[list[str]]:
    """Every call of `mdw notify`, in order."""
    return [json.loads(text) for text in (warehouse.settings.home / "alerts.jsonl").read_text().splitlines()]
