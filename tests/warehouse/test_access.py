"""Each role may do its work and nothing else: one test per forbidden action."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.conftest import Warehouse
from warehouse import access

PAGE = "raw.binance__spot_klines"

FORBIDDEN = [
    ("ingest", f"alter table {PAGE} delete where 1"),
    ("ingest", f"truncate table {PAGE}"),
    ("ingest", f"drop table {PAGE}"),
    ("ingest", "create table marts.t (x UInt8) engine = MergeTree order by x"),
    ("ingest", "select * from url('http://127.0.0.1:1/', CSV, 'x String')"),
    ("transform", f"insert into {PAGE} (venue) values ('binance')"),
    ("transform", f"alter table {PAGE} delete where 1"),
    ("transform", "select * from file('/etc/passwd', 'LineAsString')"),
    ("transform", "drop database snaps"),
    ("transform", "create table marts.t (x UInt8) engine = File(CSV)"),
    ("transform", "create dictionary marts.d (x UInt8) primary key x source(null()) layout(flat()) lifetime(0)"),
    ("transform", "truncate table ops.builds"),
    ("transform", "create user mallory"),
    ("researcher", f"select count() from {PAGE}"),
    ("researcher", "select count() from ops.builds"),
    ("researcher", "select count() from marts.bars"),
    ("researcher", "insert into marts.v_bars values (1)"),
    ("researcher", "create table marts.mine (x UInt8) engine = MergeTree order by x"),
    ("researcher", "select * from file('/etc/passwd', 'LineAsString')"),
    ("researcher", "set max_rows_to_read = 0"),
    ("researcher", "select 1 settings max_memory_usage = 0"),
    ("auditor", f"insert into {PAGE} (venue) values ('binance')"),
    ("auditor", "drop table ops.builds"),
    ("auditor", "create user mallory"),
]


@pytest.fixture(scope="module")
def published(module_warehouse: Warehouse) -> Warehouse:
    """A stand-in with the name of a published view, so that only the rights decide."""
    with module_warehouse.client() as client:
        client.command("create table marts.v_bars (x UInt8) engine = MergeTree order by x")
        client.command("create table marts.bars (x UInt8) engine = MergeTree order by x")
    return module_warehouse


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_forbidden(published: Warehouse, role, statement):
    with published.client(role) as client, pytest.raises(DatabaseError) as refused:
        client.command(statement)
    assert any(mark in str(refused.value) for mark in ("Not enough privileges", "readonly", "should not be changed"))


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("ingest", f"select count() from {PAGE}"),
        ("ingest", f"insert into {PAGE} (venue, page_id) values ('binance', generateUUIDv4())"),
        ("transform", f"select count() from {PAGE}"),
        ("transform", "create or replace view staging.v as select 1 as x"),
        ("transform", "create database if not exists marts"),
        ("transform", "create table marts.mine (x UInt8) engine = ReplacingMergeTree order by x"),
        ("auditor", "select count() from ops.coverage"),
        ("researcher", "select count() from marts.v_bars"),
    ],
)
def test_allowed(published: Warehouse, role, statement):
    with published.client(role) as client:
        client.command(statement)


def test_the_session_user_without_a_password_can_do_nothing(module_warehouse: Warehouse):
    import clickhouse_connect

    connection = module_warehouse.settings.connection("admin")
    with pytest.raises(DatabaseError, match="Not enough privileges"):
        clickhouse_connect.get_client(host=connection.host, port=connection.http_port, username="default").command(
            f"select count() from {PAGE}"
        )


def test_on_a_cluster_every_right_is_given_on_every_node(module_warehouse: Warehouse):
    """There is no cluster here: the server only parses the statements as they would be sent."""
    sent = [statement for role in access.ROLES for statement in access.cluster_statements(role, "mdw")]
    assert all(statement.startswith("grant on cluster `mdw` ") for statement in sent)
    with module_warehouse.client() as client:
        for statement in sent:
            assert client.query(f"explain ast {statement}").result_rows, statement
    # Builds and the doctor compare nodes through clusterAllReplicas, which ClickHouse refuses without this one.
    assert "grant on cluster `mdw` read on REMOTE to mdw_transform" in sent
    assert "grant on cluster `mdw` read on REMOTE to mdw_auditor" in sent
