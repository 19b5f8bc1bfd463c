"""Shared by every phase: series, time grid, raw page, errors, the protocols of venues and archives."""
