"""Collects a Report from a warehouse."""

from mdw.publishing.dbt import target
from mdw.reports.data_quality import audits, queries
from mdw.reports.data_quality.data import Report
from warehouse.client import connect
from warehouse.settings import Settings


def collect(settings: Settings) -> Report:
    """Read everything that the page shows, as the auditor; there may be no snapshot yet."""
    now = settings.clock()
    with connect(settings, "auditor") as client:
        snapshot = queries.newest_snapshot(client)
        results = audits.collect(client, target(settings))
        if snapshot is None:
            return Report(now, settings.now is not None, None, audits=results)
        gaps, missing = queries.gaps(client)
        builds, revised = queries.revisions(client, snapshot.data_version)
        spreads, bucket = queries.spreads(client)
        return Report(
            made_at=now,
            replayed=settings.now is not None,
            snapshot=snapshot,
            coverage=queries.coverage(client, missing),
            gaps=gaps,
            revisions=builds,
            revised_series=revised,
            spreads=spreads,
            spread_bucket=bucket,
            extents=queries.extents(client),
            freshness=queries.freshness(client, now),
            audits=results,
        )
