"""ClickHouse from a Python package, as a separate server process on loopback.

The wheel chdb-core contains all of ClickHouse; `serve` runs it as a server, and `control` starts, stops and describes
it. Production uses a ClickHouse server through MDW_CLICKHOUSE_URL: same SQL, same clients.
"""

from warehouse.embedded.control import Status, down, refresh_access, status, up

__all__ = ["Status", "down", "refresh_access", "status", "up"]
