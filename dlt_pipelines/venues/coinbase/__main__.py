"""A live smoke run: one page of each dataset."""

from dlt_pipelines.smoke import smoke

raise SystemExit(smoke("coinbase"))
