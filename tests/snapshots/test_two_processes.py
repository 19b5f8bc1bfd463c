"""One id, two concurrent processes: one publishes, the other leaves it unchanged with a notice."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.dbt.conftest import Dbt
from tests.dbt.pages import START, kline, land_klines
from tests.snapshots.conftest import PUBLISH


@pytest.mark.soak
def test_mdw_and_plain_dbt_publish_the_same_name_once(dbt: Dbt) -> None:
    land_klines(dbt.warehouse.client("ingest"), [kline(0), kline(1)], START + timedelta(days=1))
    dbt.publish("before")
    land_klines(dbt.warehouse.client("ingest"), [kline(1, "100.7"), kline(2)], START + timedelta(days=2))
    plain = dbt.start("build", *PUBLISH, snapshot_id="same", build_wait_seconds=300)
    by_mdw = subprocess.Popen(
        [sys.executable, "-m", "mdw", "build", "--snapshot-id", "same"],
        env={**os.environ, **dbt.warehouse.environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = [process.communicate(timeout=500)[0] for process in (plain, by_mdw)]

    assert (plain.returncode, by_mdw.returncode) == (0, 0), said
    assert sum("published snapshot same" in text for text in said) == 1, said
    assert sum("snapshot same exists" in text for text in said) == 1, said
    assert dbt.warehouse.rows("select snapshot_id, row_counts['bars'] from marts.snapshots order by 1") == [
        ("before", 2),
        ("same", 3),
    ]
    assert dbt.bars("same", "close") == [(100.5,), (100.7,), (100.5,)]
    assert dbt.bars("before", "close") == [(100.5,), (100.5,)]
