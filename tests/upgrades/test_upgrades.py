"""A warehouse of each earlier revision, upgraded: its pins hold and show what they showed, and it publishes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt
from tests.upgrades.conftest import (
    NOW,
    WAREHOUSES,
    columns_of_views,
    land_next_hour,
    pinned,
    verified,
    warehouse_of,
)
from warehouse import snapshots
from warehouse.migrate import migrate
from warehouse.snapshots.diff import Diff

OLD = ("first", "second")
# What each revision hashed its manifests with.
HASHES = {"4735738": "sipHash128", "72f2689": "xxh3_128"}


@dataclass
class Upgraded:
    revision: str
    dbt: Dbt
    before: dict[str, dict[str, Any]]
    columns: dict[str, str]

    @property
    def warehouse(self) -> Warehouse:
        return self.dbt.warehouse


@pytest.fixture(scope="module", params=[file.stem for file in sorted(WAREHOUSES.glob("*.zip"))])
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """The revision's warehouse after `mdw migrate`."""
    folder = tmp_path_factory.mktemp("upgrade")
    with warehouse_of(request.param, folder / "mdw") as running:
        before = {name: pinned(running, name) for name in OLD}
        columns = columns_of_views(running)
        assert len(before["second"]["v_bars where snapshot_id = {id:String}"]) > 1000
        migrate(running.settings)
        yield Upgraded(request.param, Dbt(running, folder / "target"), before, columns)


def test_pins_of_an_earlier_revision_hold_and_new_ones_are_published_beside_them(upgraded: Upgraded) -> None:
    warehouse, dbt = upgraded.warehouse, upgraded.dbt
    named = warehouse.rows("select distinct row_hash, mapKeys(hashed_columns), rules from marts.snapshots")
    assert named == [(HASHES[upgraded.revision], ["bars", "funding", "instruments", "fear_greed"], 0)]
    assert {name: one.differences for name, one in verified(warehouse).items()} == {"first": [], "second": []}
    assert migrate(warehouse.settings).applied == []

    land_next_hour(warehouse)
    # The audits recompute the manifest of `second`, every part of it, as `second` names its hash.
    dbt.publish("third", now=NOW.isoformat(), audit_everything=True)
    assert [(name, one.differences) for name, one in verified(warehouse).items()] == [
        ("third", []),
        ("second", []),
        ("first", []),
    ]
    for name in OLD:
        assert pinned(warehouse, name, upgraded.columns) == upgraded.before[name]
    assert warehouse.rows("select row_hash, rules from marts.snapshots where snapshot_id = 'third'") == [
        ("xxh3_128", 1)
    ]

    with warehouse.client("auditor") as client:
        found = {
            (one, two): [(change.dataset, change.added, change.revised, change.removed) for change in changes]
            for one, two in (("first", "second"), ("second", "third"))
            for changes in [Diff(client, snapshots.find(client, one), snapshots.find(client, two)).series()]
        }
    assert found["second", "third"] == [("bars", 10, 0, 0)]
    # What the venue revised: 60 minutes and the hour.
    assert sum(revised for _, _, revised, _ in found["first", "second"]) == 61
    assert sum(added for _, added, _, _ in found["first", "second"]) == 122
