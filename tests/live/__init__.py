"""The live reader: sockets of the replay server, a real ClickHouse, real clocks."""
