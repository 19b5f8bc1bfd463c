"""Alerts: each problem is sent once, with its runbook, and again when it is resolved."""
