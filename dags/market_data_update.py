"""### Market data: update
Brings every series up to its last closed bar, fills holes, and publishes a new snapshot.

The venues land concurrently. A venue that is down does not hold up the others: what landed is built, audited and
published, and the run is marked failed. If an audit fails, nothing is published: readers keep the last good snapshot.
Each publication is an event of the asset `mdw://snapshots`, with `snapshot_id` and `data_version` in its extra.
"""

from datetime import timedelta

from airflow.sdk import chain

from market_data import universe, wiring

_universe = universe.load()

DAG_ID = "market_data_update"

with wiring.market_data_dag(DAG_ID, schedule=_universe.update, late_after=timedelta(minutes=45), doc=__doc__):
    landed = [
        # Takes precedence over slices of a backfill that wait for the same venue.
        wiring.land(f"land_{venue}", venue, ["update", "--venue", venue], retries=2, priority_weight=100)
        for venue in _universe.named("venue")
    ]
    build = wiring.build(
        f"auto-{{{{ {wiring.MOMENT}.strftime('%Y%m%dT%H%M%SZ') }}}}", "scheduled update", trigger_rule="all_done"
    )
    chain(wiring.migrate(), landed, build, wiring.watch())
    [*landed, build] >> wiring.all_clear(DAG_ID)
