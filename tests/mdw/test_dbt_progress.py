"""What a log shows of a dbt run: each node as it ends, and messages of macros."""

import json

import pytest

from mdw.publishing.dbt import _follow


def event(name: str, message: str, level: str = "info", **data: object) -> str:
    """A line as dbt writes it with --log-format json."""
    return json.dumps({"info": {"name": name, "msg": message, "level": level}, "data": data})


def test_a_pipe_gets_a_line_a_node(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _follow(
        [
            event("LogStartLine", "1 of 3 START sql versioned model marts.bars", node_info={}),
            event("JinjaLogInfo", "bars: 7 new or revised rows"),
            event("LogModelResult", "1 of 3 OK created sql versioned model marts.bars [OK in 3.21s]", node_info={}),
            event("LogTestResult", "2 of 3 FAIL 3 holds_bars [FAIL 3 in 0.10s]", "error", node_info={}),
            event("SkippingDetails", "3 of 3 SKIP relation marts.snapshots", node_info={}),
        ]
    )
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3 OK created sql versioned model marts.bars [OK in 3.21s]",
        "2 of 3 FAIL 3 holds_bars [FAIL 3 in 0.10s]",
        "3 of 3 SKIP relation marts.snapshots",
    ]
    assert outcome.notices == ["bars: 7 new or revised rows"]
