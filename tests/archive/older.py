"""Raw tables as older releases left them."""

from tests.ingest import Ingest


def as_landed_before(ingest: Ingest, table: str, symbol: str = "") -> None:
    """Change a table's pages to what releases before `proof` landed: a file covers its whole period.

    `symbol` limits it to one.
    """
    window = {
        f"window_{edge}": f"fromUnixTimestamp64Milli(JSONExtractInt(request_params, '{edge}'), 'UTC')"
        for edge in ("start", "end")
    }
    columns = {"proof": "''", "request_params": "'{}'", **(window if "archive" in table else {})}
    chosen = f"symbol = '{symbol}'" if symbol else "true"
    replaced = ", ".join(f"if({chosen}, {value}, {name}) as {name}" for name, value in columns.items())
    with ingest.warehouse.client() as client:
        client.command(f"create table raw.before as raw.{table}")
        client.command(f"insert into raw.before select * replace ({replaced}) from raw.{table}")
        client.command(f"exchange tables raw.before and raw.{table}")
        client.command("drop table raw.before")
