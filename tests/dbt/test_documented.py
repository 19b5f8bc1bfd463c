"""What a dbt engineer looks for: audits under the table they check, keys, groups, access, exposures, lineage."""

import re
from collections import defaultdict
from datetime import timedelta
from typing import Any

import yaml

from tests.dbt.conftest import DBT_PROJECT, Dbt, parsed_project
from tests.dbt.pages import START, kline, land_klines
from warehouse.project import PROJECT

DATASETS = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())["vars"]["datasets"]
AUDITS_DOC = (PROJECT / "docs" / "audits.md").read_text()
# Audits of `raw` and of snapshots do not check the mart of a dataset.
JUDGED = {
    "conflicting_rows": "dq_conflicting_rows",
    "listings_are_whole": "instruments",
    "rejected_rows_are_resolved": "dq_rejected_rows",
    "manifest_of_the_newest_snapshot": "dq_audit_results",
}

NATIVE = {"bars_unique_key", "bars_not_null", "v_bars_unique_key", "v_bars_not_null"}


def nodes(kind: str) -> dict[str, Any]:
    return {node.name: node for node in parsed_project().nodes.values() if str(node.resource_type) == kind}


def test_each_audit_is_a_test_of_the_table_it_judges() -> None:
    headings = re.findall(r"^## (\w+)$", (PROJECT / "runbooks" / "audits.md").read_text(), re.MULTILINE)
    audits = declared_audits()
    assert len(audits) > 40
    for name, test in audits.items():
        given = test.test_metadata.kwargs
        table = JUDGED.get(name) or DATASETS[given["dataset"]]["mart"]
        assert test.attached_node == f"model.market_data.{table}"
        assert "model.market_data.dq_audit_results" in test.depends_on.nodes
        assert given["reports"] in ("error", "warn", "info")
        assert test.config.severity.lower() == ("error" if given["reports"] == "error" else "warn")
        assert test.description != ""
        assert test.config.meta == {
            "dataset": given["dataset"],
            "severity": given["reports"],
            "runbook": f"runbooks/audits.md#{name}",
            "thresholds": given.get("thresholds", {}),
        }
        assert name in headings
        assert {"audit", given["dataset"]} <= set(test.tags)
    tagged = {name for name, test in nodes("test").items() if "audit" in test.tags}
    assert tagged - set(audits) == {"audits_worth_a_look"}


def test_each_audit_is_one_sql_file_that_runs_or_one_rule() -> None:
    """Every declared audit is run once, and every audit that is run is declared."""
    files = {path.stem for path in (DBT_PROJECT / "models" / "quality" / "audits").rglob("*/*.sql")}
    rules = {name for name, test in declared_audits().items() if "rule" in test.test_metadata.kwargs}
    assert files == {f"{dataset}_row_rules" for dataset in DATASETS} | (set(declared_audits()) - rules)
    run: list[str] = []
    for name, model in nodes("model").items():
        if name.startswith("dq_findings_"):
            run += [node.split(".")[-1] for node in model.depends_on.nodes if not node.endswith(".audit_run")]
    assert sorted(run) == sorted(files)


def test_thresholds_are_declared_once_and_used() -> None:
    named = [name for test in declared_audits().values() for name in test.test_metadata.kwargs.get("thresholds", {})]
    assert len(named) == len(set(named))
    sources = [path.read_text() for kind in ("*.sql", "*.yml") for path in DBT_PROJECT.rglob(kind)]
    # A name, or its prefix if the rest is a timeframe.
    used = tuple({name for text in sources for name in re.findall(r"threshold\('(\w+)'", text)})
    assert sorted(name for name in named if not name.startswith(used)) == []
    assert sorted(name for name in used if not any(one.startswith(name) for one in named)) == []
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", AUDITS_DOC, re.MULTILINE)))
    assert set(named) <= set(documented)


def declared_audits() -> dict[str, Any]:
    return {name: test for name, test in nodes("test").items() if test.test_metadata.name == "audit_passes"}


def test_facts_and_reader_views_have_keys_and_their_lineage() -> None:
    models, tests = nodes("model"), nodes("test")
    kinds = defaultdict(set)
    for test in tests.values():
        kinds[test.attached_node].add(test.test_metadata.name)
    for dataset, declared in DATASETS.items():
        for model in (declared["mart"], f"v_{dataset}"):
            assert {"unique_key", "not_null_or_default"} <= kinds[f"model.market_data.{model}"]
        for form in ("", "_at", "_latest"):
            assert f"model.market_data.{declared['mart']}" in models[f"v_{dataset}{form}"].depends_on.nodes
        # Bad rows must not keep the audits from reporting on them.
        assert "model.market_data.dq_audit_results" in tests[f"{declared['mart']}_unique_key"].depends_on.nodes
        # A test of a reader view must neither block the registry nor be selected with it.
        assert tests[f"v_{dataset}_unique_key"].depends_on.nodes == [f"model.market_data.v_{dataset}"]


def test_the_contract_is_public_and_everything_has_an_owner() -> None:
    manifest = parsed_project()
    models = nodes("model")
    assert {name for name, model in models.items() if model.access == "public"} == {
        name for name in models if name.startswith("v_")
    }
    groups = {group.name: group.owner.name for group in manifest.groups.values()}
    assert all(groups.values())
    assert {name for name, model in models.items() if model.group not in groups} == set()
    assert all(exposure.owner.name for exposure in manifest.exposures.values())
    read_by_people = {node for exposure in manifest.exposures.values() for node in exposure.depends_on.nodes}
    readers = {model.unique_id for model in models.values() if model.access == "public"}
    assert readers <= read_by_people


def test_native_tests_find_a_doubled_key_and_an_empty_one(dbt: Dbt) -> None:
    warehouse = dbt.warehouse
    land_klines(warehouse.client("ingest"), [kline(number) for number in range(5)], START + timedelta(days=1))
    dbt.publish("sound")
    client = warehouse.client("transform")
    select = ("test", "--select", "test_name:unique_key", "test_name:not_null_or_default")

    def seed(version: int, minute: int) -> set[str]:
        """Rows that no build would write: a second open row, and one without a venue."""
        for venue, later in (("binance", minute), ("", 600 + minute)):
            client.command(
                "insert into marts.bars select * replace ({venue:String} as venue, toUInt32({version:UInt32}) as "
                "valid_from_version, addMinutes({start:DateTime64(3, 'UTC')}, {later:UInt32}) as open_time) "
                "from marts.bars final order by marts.bars.open_time limit 1",
                parameters={"venue": venue, "version": version, "start": START, "later": later},
            )
        said = dbt.run(*select).text
        return set(re.findall(r"FAIL \d+ (\w+) ", said))

    # Unpublished rows: tests of the mart see them, readers do not.
    assert seed(2, 1) == {"bars_unique_key", "bars_not_null"}
    # Rows of the newest snapshot: tests of the views see them as well.
    assert seed(0, 2) == NATIVE
