"""The SQL in runbooks and docs is valid in a built warehouse."""

import pytest

from tests.dbt.conftest import Dbt, Outcome
from tests.docs.commands import Shown, queries

# Placeholders that a page leaves to its reader.
PLACEHOLDERS = {"snapshot_id = 'X'": "snapshot_id = 'good'", "snapshot_id = 'demo'": "snapshot_id = 'good'"}


@pytest.mark.parametrize("query", queries(), ids=str)
def test_query_is_understood(refused: tuple[Dbt, Outcome], query: Shown):
    text = query.words[-1]
    for there, here in PLACEHOLDERS.items():
        text = text.replace(there, here)
    with refused[0].warehouse.client("auditor") as client:
        assert client.query(f"explain {text}").result_rows
