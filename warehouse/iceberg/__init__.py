"""Snapshots in Apache Iceberg: export, read back, and restore."""
