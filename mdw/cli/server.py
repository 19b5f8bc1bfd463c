"""up, down, status, migrate: the database server."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from clickhouse_connect.driver.client import Client

from mdw.cli.options import Json
from mdw.console.output import out, print_json, table, utc
from warehouse import embedded
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.migrate import migrate as run_migrations
from warehouse.settings import Settings
from warehouse.snapshots import registry


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(migrate)


def _only_embedded(settings: Settings, command: str) -> None:
    if not settings.embedded:
        raise BadInput(
            f"`mdw {command}` is for the embedded server, but MDW_CLICKHOUSE_URL names another one. "
            "Unset it to use the embedded server."
        )


def up(json: Json = False) -> None:
    """Start the embedded ClickHouse (loopback only, generated passwords)."""
    settings = Settings.load()
    _only_embedded(settings, "up")
    state = embedded.up(settings)
    if json:
        print_json(vars(state))
        return
    out.print(f"ClickHouse {state.version} serves {state.address} (pid {state.pid}); log: {state.log}", soft_wrap=True)


def down(json: Json = False) -> None:
    """Stop the embedded ClickHouse cleanly; the data stays."""
    settings = Settings.load()
    _only_embedded(settings, "down")
    stopped = embedded.down(settings)
    if json:
        print_json({"stopped": stopped})
        return
    out.print("ClickHouse has stopped." if stopped else "ClickHouse was not running.")


def migrate(json: Json = False) -> None:
    """Create or update databases, tables and roles."""
    done = run_migrations(Settings.load())
    if json:
        print_json(vars(done))
        return
    out.print(f"{len(done.applied)} migrations applied, {done.already} were applied before.")
    for notice in done.notices:
        out.print(notice, soft_wrap=True)


def status(
    serve: Annotated[bool, typer.Option("--serve", help="serve /metrics for Prometheus until stopped")] = False,
    host: Annotated[str, typer.Option(help="with --serve: address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="with --serve; 0 picks a free port", min=0, max=65535)] = 9464,
    json: Json = False,
) -> None:
    """Show the server, what has landed, and what is published."""
    settings = Settings.load()
    if serve:
        _serve(settings, host, port)
        return
    server = vars(embedded.status(settings)) if settings.embedded else _remote(settings)
    if not server["running"]:
        if json:
            print_json({"server": server, "landed": [], "snapshots": []})
        else:
            out.print(f"ClickHouse is not running in {settings.home}. Start it with `mdw up`.", soft_wrap=True)
        return
    with connect(settings, "auditor") as client:
        landed = _rows(client, "ops.coverage", _LANDED)
        snapshots = registry.published(client)
    if json:
        names = ("dataset", "venue", "market", "series", "pages", "records", "first", "last", "fetched_at")
        print_json(
            {
                "server": server,
                "landed": [dict(zip(names, row, strict=True)) for row in landed],
                "snapshots": [
                    {name: getattr(one, name) for name in ("snapshot_id", "data_version", "published_at", "withdrawn")}
                    for one in snapshots
                ],
            }
        )
        return
    out.print(f"ClickHouse {server['version']} at {server['address']}", soft_wrap=True)
    if landed:
        table(("dataset", "venue", "series", "records", "from", "to"), map(_landed, landed), title="Landed, UTC")
    else:
        out.print("Nothing has landed yet: `mdw migrate`, then `mdw backfill --help`.")
    for one in snapshots[:1]:
        newest = f"{one.snapshot_id} (data version {one.data_version}, published {utc(one.published_at)})"
        out.print(f"Newest snapshot: {newest}; {len(snapshots)} in all")
        if one.withdrawn is not None:
            out.print(f"It was withdrawn as known to be bad: {one.withdrawn}", soft_wrap=True)


def _serve(settings: Settings, host: str, port: int) -> None:
    from mdw.metrics.serving import server

    with server(settings, host, port) as serving:
        out.print(f"Metrics at http://{host}:{serving.server_port}/metrics; Ctrl-C stops.", soft_wrap=True)
        serving.serve_forever()


def _remote(settings: Settings) -> dict[str, object]:
    with connect(settings) as client:
        version = client.query("select version()").result_rows[0][0]
    return {"running": True, "version": version, "address": settings.connection("auditor").address}


def _landed(row: Sequence[Any]) -> tuple[object, ...]:
    """A row of _LANDED for display: `to` is cut to the minute, since windows end a millisecond after a payment."""
    dataset, venue, market, series, _, records, first, last, _ = row
    place = f"{venue} {market}".strip()
    return dataset, place, series, records, first and f"{first:%Y-%m-%d}", last and f"{last:%Y-%m-%d %H:%M}"


# A page with corrected coverage has one row for each window that it proves.
_LANDED = """
    select dataset, venue, market, uniqExact(symbol, timeframe), count(), sum(page_rows),
        min(first), max(last), max(fetched)
    from (
        select dataset, venue, market, symbol, timeframe, page_id, any(row_count) as page_rows,
            min(window_start) as first, max(window_end) as last, max(fetched_at) as fetched
        from ops.coverage group by dataset, venue, market, symbol, timeframe, page_id
    ) group by dataset, venue, market order by dataset, venue, market
"""


def _rows(client: Client, relation: str, query: str) -> list[Sequence[Any]]:
    database, name = relation.split(".")
    exists = client.query(
        "select count() from system.tables where database = {d:String} and name = {n:String}",
        parameters={"d": database, "n": name},
    ).result_rows[0][0]
    return list(client.query(query).result_rows) if exists else []
