"""A new column, dataset and timeframe, as described in docs/adding_a_*.md: old pins do not change."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.audits.seeding import bar
from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt
from tests.dbt.pages import land, milliseconds
from tests.upgrades import growth
from tests.upgrades.conftest import NOW, columns_of_views, land_next_hour, pinned, warehouse_of
from warehouse import schema
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.iceberg.export import export
from warehouse.iceberg.target import Target
from warehouse.migrate import migrate

# Each test runs a dozen commands as processes, some of which parse the changed dbt project.
pytestmark = pytest.mark.timeout(1800)

OLD = ("first", "second")
TAKEN = "count(), countIf(isNotNull(taker_buy_volume)), sum(taker_buy_volume)"

_READ = """
import sys
import alphaforge_data
client = alphaforge_data.connect(sys.argv[1], snapshot_id="grown", cache=False)
window = ("2025-07-01T03:00:00Z", "2025-07-01T03:05:00Z")
bars = client.bars("BTC/USDT", "1m", *window, venue="binance", columns=["taker_buy_volume"])
print(bars["taker_buy_volume"].to_pylist())
"""


@dataclass
class Code:
    """A copy of the project, run as a user would."""

    folder: Path
    warehouse: Warehouse

    def python(self, *arguments: str, **more: str) -> str:
        environment = {
            **os.environ,
            **self.warehouse.environment,
            **more,
            "PYTHONPATH": str(self.folder),
            "MDW_NOW": NOW.isoformat(),
            "MDW_UNIVERSE": str(self.folder / "universe.yml"),
        }
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def mdw(self, *words: str) -> Any:
        return json.loads(self.python("-m", "mdw", *words, "--json"))


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[Code]:
    code = growth.copied(tmp_path / "code")
    growth.add_column(code)
    growth.add_dataset(code)
    growth.add_timeframe(code)
    with warehouse_of("72f2689", tmp_path / "mdw") as running:
        yield Code(code, running)


@pytest.mark.soak
def test_old_pins_stay_and_new_ones_have_a_column_and_a_dataset_more(grown: Code, tmp_path: Path) -> None:
    warehouse = grown.warehouse
    before, columns = {name: pinned(warehouse, name) for name in OLD}, columns_of_views(warehouse)
    _land(grown)
    dbt = Dbt(warehouse, tmp_path / "target")
    project = ("--project-dir", "dbt_project", "--profiles-dir", "dbt_project", "--target-path", str(dbt.target))
    variables = json.dumps({"snapshot_id": "grown", "now": NOW.isoformat()})
    build = ("-m", "dbt.cli.main", "build", *project, "--vars", variables, "--exclude-resource-type", "unit_test")
    grown.python(*build, **dbt.environment())
    _check(grown, before, columns)

    # Code without that migration neither lands nor builds here, and gives the reason.
    with pytest.raises(OperationFailed, match="migrated by newer code"):
        connect(warehouse.settings, "transform")
    refused = dbt.run("run", "--select", "bars", snapshot_id="older")
    assert not refused.succeeded
    assert "migrated by newer code" in refused.text
    assert "Use code at least as new as the data. Nothing was changed." in refused.text
    # Code from before this check cannot publish either.
    with pytest.raises(DatabaseError, match="this_code_is_older_than_the_data"):
        warehouse.client().command("insert into marts.snapshots (snapshot_id, data_version) values ('older', 99)")


@pytest.mark.soak
def test_a_column_is_filled_from_raw_and_all_commands_know_it(grown: Code, tmp_path: Path) -> None:
    warehouse = grown.warehouse
    before, columns = {name: pinned(warehouse, name) for name in OLD}, columns_of_views(warehouse)
    migrate(warehouse.settings)
    lake = tmp_path / "lake"
    export(warehouse.settings, "first", Target.parse(str(lake)))
    _land(grown)
    assert grown.mdw("build", "--snapshot-id", "grown")["published"]
    _check(grown, before, columns)
    changed = grown.mdw("snapshot", "diff", "second", "grown")
    assert [(one["dataset"], one["added"], one["revised"]) for one in changed["series"]] == [
        ("bars", 10, 0),
        ("bars", 2, 0),
        ("open_interest", 1, 0),
    ]
    # In addition to an earlier export.
    assert grown.mdw("snapshot", "export", "grown", "--to", str(lake))["parts"]

    # Every page is processed again: rows published without the column get it as a revision, which old pins do not show.
    warehouse.client().command("alter table ops.build_pages delete where mart = 'bars' settings mutations_sync = 2")
    assert grown.mdw("build", "--snapshot-id", "filled")["published"]
    filled = "count() = countIf(isNotNull(taker_buy_volume)), count() > 800"
    assert warehouse.rows(f"select {filled} from marts.v_bars_at(snapshot_id = 'filled') where venue = 'binance'") == [
        (True, True)
    ]
    assert all(one["holds"] for one in grown.mdw("snapshot", "verify", "--all"))
    # Everything without a list of timeframes covers the new one.
    arguments = ("--without", "binance:spot:ETH/USDT", "--reason", "a poisoned feed")
    assert grown.mdw("build", "--snapshot-id", "without", *arguments)["published"]
    fives = "(snapshot_id = 'without') where timeframe = '5m' and instrument_id = 'binance:spot:ETH/USDT'"
    assert warehouse.rows(f"select count() from marts.v_bars_at{fives}") == [(0,)]
    condition = f"select distinct reason from marts.v_dataset_condition_at{fives}"
    assert warehouse.rows(condition) == [("quarantined",)]
    assert pinned(warehouse, "second", columns) == before["second"]


def _land(grown: Code) -> None:
    """Migrate the database to the changed code; land ten bars, two of the new timeframe, and one open interest."""
    assert f"{max(schema.known()) + 1:03d}" in grown.mdw("migrate")["applied"]
    land_next_hour(grown.warehouse)
    opens, step = NOW.replace(minute=0), timedelta(minutes=5)
    # The bar that opens at NOW has not closed.
    fives = [bar(opens + n * step, step=step) for n in range(3)]
    window, series = (opens, opens + 3 * step), ("binance", "spot", "ETH/USDT", "5m")
    land(grown.warehouse.client(), "binance__spot_klines", fives, NOW, series=series, window=window)
    payload = [{"timestamp": str(milliseconds(NOW)), "sumOpenInterest": "12345.5"}]
    series = ("binance", "perp", "BTC/USDT", "")
    land(grown.warehouse.client(), "binance__usdm_open_interest", payload, NOW, series=series)


def _check(grown: Code, before: dict[str, dict[str, Any]], columns: dict[str, str]) -> None:
    """Old pins verify and show the same rows, NULL in the column; `grown` has values where they landed."""
    warehouse = grown.warehouse
    held = grown.mdw("snapshot", "verify", "--all")
    assert [(one["snapshot_id"], one["holds"]) for one in held] == [("grown", True), ("second", True), ("first", True)]
    for name in OLD:
        assert pinned(warehouse, name, columns) == before[name]
        for source in (f"v_bars_at(snapshot_id = '{name}')", f"v_bars where snapshot_id = '{name}'"):
            assert warehouse.rows(f"select countIf(isNotNull(taker_buy_volume)) from marts.{source}") == [(0,)]
    for source in ("v_bars_at(snapshot_id = 'grown')", "v_bars where snapshot_id = 'grown'", "v_bars_latest"):
        assert warehouse.rows(f"select {TAKEN} from marts.{source}")[0][1:] == (12, 12.0)
    lengths = "count(), groupUniqArray(dateDiff('minute', open_time, close_time))"
    fives = f"select {lengths} from marts.v_bars where snapshot_id = 'grown' and timeframe = '5m'"
    assert warehouse.rows(fives) == [(2, [5])]
    interest = "select instrument_id, open_interest from marts.v_open_interest"
    assert warehouse.rows(f"{interest} where snapshot_id = 'grown'") == [("binance:perp:BTC/USDT", 12345.5)]
    assert warehouse.rows(f"{interest}_at(snapshot_id = 'grown')") == [("binance:perp:BTC/USDT", 12345.5)]
    assert warehouse.rows(f"{interest} where snapshot_id = 'first'") == []
    ledger = "select distinct dataset from ops.coverage where endsWith(dataset, 'interest')"
    assert warehouse.rows(ledger) == [("open_interest",)]
    found = warehouse.settings.connection("researcher")
    url = f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"
    assert json.loads(grown.python("-c", _READ, url)) == [1.0] * 5
