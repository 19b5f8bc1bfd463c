"""Every reader view of a snapshot, asked by SQL and by the SDK, and what a node answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

import alphaforge_data
from tests.cluster.conftest import Node

_DATASETS = ("bars", "funding", "instruments", "fear_greed")
# Rows in any order; a hash of text, because that of a row with a NULL is NULL.
_DIGEST = "select count(), sum(cityHash64(toString(tuple({columns})))) from {source}"
# What a node that is behind, or does not know the snapshot yet, says instead of rows.
BEHIND = "this node is behind"
UNKNOWN = "unknown snapshot_id"
CUT_OFF = "no session with Keeper"

Asked = Callable[[Node], Any]


def pinned(snapshot_id: str) -> dict[str, Asked]:
    """Questions about one snapshot, by view or SDK call; each answer identifies all rows."""
    return {name: _sql(query) for name, query in sources(snapshot_id).items()} | _by_sdk(snapshot_id)


def sources(snapshot_id: str) -> dict[str, str]:
    """A query of every view that takes the snapshot, by view."""
    return {name: _DIGEST.format(columns="*", source=source) for name, source in _pinned_sources(snapshot_id)}


def newest() -> dict[str, Asked]:
    """Questions about the newest snapshot, by view."""
    sources = [f"v_{name}_latest" for name in _DATASETS] + ["v_bar_gaps", "v_dataset_condition"]
    questions = {name: _sql(_DIGEST.format(columns="*", source=f"marts.{name}")) for name in sources}
    return questions | {
        "v_bars_live": _sql(_DIGEST.format(columns="*", source="marts.v_bars_live where not is_provisional"))
    }


def answer(node: Node, question: Asked) -> Any:
    """The answer of a node, or BEHIND, UNKNOWN or CUT_OFF; any other error is raised."""
    try:
        return question(node)
    except (DatabaseError, alphaforge_data.AlphaforgeDataError) as error:
        # The first one: ClickHouse repeats the expression, which has others, after its sentence.
        said = sorted((str(error).index(word), word) for word in (BEHIND, UNKNOWN, CUT_OFF) if word in str(error))
        if said:
            return said[0][1]
        if isinstance(error, alphaforge_data.UnknownSnapshot):
            return UNKNOWN
        raise


def _pinned_sources(snapshot_id: str) -> Iterator[tuple[str, str]]:
    for name in _DATASETS:
        yield f"v_{name}", f"marts.v_{name} where snapshot_id = '{snapshot_id}'"
    for name in (*_DATASETS, "bar_gaps", "dataset_condition", "snapshot_manifest"):
        yield f"v_{name}_at", f"marts.v_{name}_at(snapshot_id = '{snapshot_id}')"


def _sql(query: str) -> Asked:
    return lambda node: node.rows(query)


def _by_sdk(snapshot_id: str) -> dict[str, Asked]:
    def asked(call: Callable[[Any], Any]) -> Asked:
        def question(node: Node) -> Any:
            url = node.environment["MDW_CLICKHOUSE_URL"]
            with alphaforge_data.connect(url, snapshot_id=snapshot_id, cache=False) as sdk:
                return json.dumps(call(sdk).to_pylist(), default=str)

        return question

    return {
        "sdk.bars": asked(lambda sdk: sdk.bars("BTC/USDT", "1m", venue="binance")),
        "sdk.funding": asked(lambda sdk: sdk.funding("BTC/USDT", venue="binance")),
        "sdk.instruments": asked(lambda sdk: sdk.instruments()),
        "sdk.fear_greed": asked(lambda sdk: sdk.fear_greed()),
        "sdk.gaps": asked(lambda sdk: sdk.gaps("BTC/USDT", "1m", venue="binance")),
        "sdk.condition": asked(lambda sdk: sdk.condition("bars")),
    }
