"""A warehouse of each earlier revision, upgraded: its pins verify and show the same rows, and it can publish."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mdw.publishing.recovery import restore
from tests.conftest import Warehouse, start_warehouse
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
from warehouse.iceberg.export import export
from warehouse.iceberg.lake import opened
from warehouse.iceberg.target import Target
from warehouse.migrate import migrate
from warehouse.snapshots.diff import Diff

OLD = ("first", "second")
# How each revision hashed its manifests, and the rules of its views.
HASHES = {"4735738": ("sipHash128", 0), "72f2689": ("xxh3_128", 0), "6795de3": ("xxh3_128", 1)}


@dataclass
class Upgraded:
    revision: str
    dbt: Dbt
    before: dict[str, dict[str, Any]]
    columns: dict[str, str]

    @property
    def warehouse(self) -> Warehouse:
        return self.dbt.warehouse


def _revisions() -> list[Any]:
    """The oldest fixture in `make test`, which covers all later changes; all of them in `make soak`."""
    oldest, *later = sorted(HASHES, key=list(HASHES).index)
    assert {oldest, *later} == {file.stem for file in WAREHOUSES.glob("*.zip")}
    return [oldest, *(pytest.param(one, marks=pytest.mark.soak) for one in later)]


@pytest.fixture(scope="module", params=_revisions())
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
    function, rules = HASHES[upgraded.revision]
    assert named == [(function, ["bars", "funding", "instruments", "fear_greed"], rules)]
    assert {name: one.differences for name, one in verified(warehouse).items()} == {"first": [], "second": []}
    assert migrate(warehouse.settings).applied == []

    land_next_hour(warehouse)
    # The audits recompute the whole manifest of `second` with its hash function.
    dbt.publish("third", now=NOW.isoformat(), audit_everything=True)
    assert [(name, one.differences) for name, one in verified(warehouse).items()] == [
        ("third", []),
        ("second", []),
        ("first", []),
    ]
    for name in OLD:
        assert pinned(warehouse, name, upgraded.columns) == upgraded.before[name]
    assert warehouse.rows("select row_hash, rules from marts.snapshots where snapshot_id = 'third'") == [
        ("xxh3_128", 2)
    ]

    with warehouse.client("auditor") as client:
        found = {
            (one, two): [(change.dataset, change.added, change.revised, change.removed) for change in changes]
            for one, two in (("first", "second"), ("second", "third"))
            for changes in [Diff(client, snapshots.find(client, one), snapshots.find(client, two)).series()]
        }
    assert found["second", "third"] == [("bars", 10, 0, 0)]
    # The venue's revision: 60 minutes and the hour.
    assert sum(revised for _, _, revised, _ in found["first", "second"]) == 61
    assert sum(added for _, added, _, _ in found["first", "second"]) == 122

    # A type that changes later, in width and sign: manifests keep their original types.
    with warehouse.client() as client:
        client.command("alter table marts.fear_greed modify column value Int16 settings mutations_sync = 2")
        client.command("alter table marts.bars modify column trade_count Nullable(Int64) settings mutations_sync = 2")
    assert all(one.holds for one in verified(warehouse).values())
    refused = dbt.run("run", "--select", "bars", snapshot_id="fourth")
    assert "trade_count is Nullable(Int64) in the database and Nullable(UInt64) in the model" in refused.text


@pytest.mark.soak
def test_an_export_of_an_earlier_revision_is_imported(tmp_path: Path) -> None:
    """Its export does not record how the manifest was hashed; the rows show it."""
    target = Target.parse(str(tmp_path / "lake"))
    with warehouse_of("4735738", tmp_path / "old") as running:
        shown = pinned(running, "second")
        migrate(running.settings)
        export(running.settings, "second", target)
        with opened(running.settings, target, "sql", "market_data", write=True) as lake:
            registry = lake.table("snapshots")
            assert registry is not None
            with registry.update_schema(allow_incompatible_changes=True) as update:
                update.delete_column("row_hash").delete_column("hashed_columns")
    fresh = start_warehouse(tmp_path / "new")
    try:
        restored = restore(fresh.settings, "second", target)
        assert restored.row_counts["bars"] > 1000
        assert verified(fresh)["second"].holds
        for source, rows in pinned(fresh, "second").items():
            assert rows == shown[source]
        assert restore(fresh.settings, "second", target).notices == [
            "Snapshot second is already published here with the same content."
        ]
    finally:
        fresh.kill()
