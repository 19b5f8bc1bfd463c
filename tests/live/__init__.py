"""The live reader with WebSockets of the replay server, a real ClickHouse and real clocks."""
