"""The catalog: everything has a description, in the project and in the database."""

from tests.conftest import Warehouse
from tests.dbt.conftest import parsed_project

SHOWN = ("model", "seed", "source", "exposure")


def test_every_model_seed_source_and_exposure_has_a_description() -> None:
    manifest = parsed_project()
    nodes = [*manifest.nodes.values(), *manifest.sources.values(), *manifest.exposures.values()]
    # An ephemeral model is the query of an audit, described by its test.
    shown = [n for n in nodes if str(n.resource_type) in SHOWN and n.config.get("materialized") != "ephemeral"]
    silent = [node.unique_id for node in shown if not node.description]
    assert silent == []
    exposures = {exposure.name for exposure in manifest.exposures.values()}
    assert exposures == {"alphaforge", "alphaforge_data", "data_quality_report"}


def test_the_catalog_opens_with_our_own_page() -> None:
    """With dbt's name for it, so that it replaces dbt's welcome page."""
    overview = parsed_project().docs["doc.market_data.__overview__"]
    assert "marts.v_bars" in overview.block_contents
    assert "snapshot_id" in overview.block_contents


def test_every_declared_column_has_a_description() -> None:
    manifest = parsed_project()
    nodes = [node for node in (*manifest.nodes.values(), *manifest.sources.values()) if hasattr(node, "columns")]
    silent = [
        f"{node.unique_id}.{column.name}"
        for node in nodes
        for column in node.columns.values()
        if not column.description
    ]
    assert silent == []
    assert all(source.columns for source in manifest.sources.values())


def test_every_raw_table_leads_to_the_views_and_to_alphaforge() -> None:
    manifest = parsed_project()
    manifest.build_parent_and_child_maps()
    raw = {node.unique_id for node in manifest.sources.values() if node.source_name == "raw"}
    reached, todo = set(), ["exposure.market_data.alphaforge"]
    while todo:
        node = todo.pop()
        if node not in reached:
            reached.add(node)
            todo += manifest.parent_map.get(node, [])
    assert raw <= reached


def test_describe_shows_every_column_of_every_table(published: Warehouse) -> None:
    """Except dlt's own tables, and member views, which only views read."""
    silent = published.rows(
        "select concat(database, '.', table, '.', name) from system.columns "
        "where database in ('raw', 'staging', 'marts', 'ops') and comment = '' "
        "and table not like '%\\_\\_\\_dlt%' and table != 'schema_migrations' order by 1"
    )
    assert silent == []
    tables = published.rows(
        "select concat(database, '.', name) from system.tables where database in ('raw', 'staging', 'marts', 'ops') "
        "and comment = '' and name not like '%\\_\\_\\_dlt%' and name not like '%\\_at' "
        "and name != 'schema_migrations' order by 1"
    )
    assert tables == []
    described = dict(
        row[:2] for row in published.rows("select name, comment from system.columns where table = 'v_bars'")
    )
    assert described["close"] == "Price of the last trade of the bar, in quote units."
