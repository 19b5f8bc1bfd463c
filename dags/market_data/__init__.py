"""Shared by the DAG files: the operator that calls `mdw`, defaults, alerts, and the universe."""
