"""ClickHouse side of the warehouse: settings, connections, embedded server, migrations, snapshots."""
