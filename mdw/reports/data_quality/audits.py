"""Results of the audits: from marts.dq_audit_results if it exists, else from the artifacts of the last dbt build."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from mdw.reports.data_quality.data import Audits, Finding
from warehouse.utc import aware_utc

_BAD = {"fail": "error", "error": "error", "runtime error": "error", "warn": "warn"}
_ORDER = {"error": 0, "warn": 1, "info": 2}
_WANTED = (
    *("audit", "severity", "instrument_id", "timeframe", "range_start", "range_end"),
    *("rows", "detail", "first_seen", "runbook", "rows_sql"),
)


def collect(client: Client, artifacts: Path) -> Audits:
    """Findings of the last audit. `artifacts` is the folder of dbt's run_results.json and manifest.json."""
    columns = {
        row[0]
        for row in client.query(
            "select name from system.columns where database = 'marts' and table = 'dq_audit_results'"
        ).result_rows
    }
    if set(_WANTED) <= columns:
        return _from_table(client)
    return _from_build(artifacts)


def _from_table(client: Client) -> Audits:
    query = f"select run, {', '.join(_WANTED)} from marts.dq_audit_results where run = (select max(run) from marts.dq_audit_results)"  # noqa: S608, E501 - constants
    answer = client.query(query)
    rows = [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]
    found = [_finding(row) for row in rows if row["severity"] in _ORDER]
    passed = sum(row["severity"] not in _ORDER for row in rows)
    return Audits(_sorted(found), passed, "marts.dq_audit_results", int(rows[0]["run"]) if rows else None)


def _finding(row: dict[str, Any]) -> Finding:
    series = f"{row['instrument_id']} {row['timeframe']}".strip()
    span = " to ".join(_moment(row[name]) for name in ("range_start", "range_end") if row[name])
    return Finding(
        audit=row["audit"],
        severity=row["severity"],
        where=", ".join(part for part in (series, span) if part),
        since=aware_utc(row["first_seen"]),
        rows=int(row["rows"] or 0),
        detail=row["detail"] or "",
        sql=row["rows_sql"] or "",
        runbook=row["runbook"].removeprefix("runbooks/").replace(".md", ""),
    )


def _moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _from_build(artifacts: Path) -> Audits:
    results, manifest = artifacts / "run_results.json", artifacts / "manifest.json"
    if not results.exists():
        return Audits(origin="no build on record here (`mdw build` runs the audits)")
    record = json.loads(results.read_text())
    if record["args"].get("which") not in ("build", "test"):
        return Audits(origin="no build on record here (`mdw build` runs the audits)")
    nodes = json.loads(manifest.read_text())["nodes"] if manifest.exists() else {}
    ended = datetime.fromisoformat(record["metadata"]["generated_at"].replace("Z", "+00:00"))
    tests = [result for result in record["results"] if result["unique_id"].startswith("test.")]
    found = [
        _of_test(result, nodes.get(result["unique_id"], {}), ended) for result in tests if result["status"] in _BAD
    ]
    passed = sum(result["status"] == "pass" for result in tests)
    return Audits(_sorted(found), passed, f"the dbt build of {ended:%Y-%m-%d %H:%M} UTC")


def _of_test(result: dict[str, Any], node: dict[str, Any], ended: datetime) -> Finding:
    name = result["unique_id"].split(".")[2]
    model = (node.get("attached_node") or "").split(".")[-1]
    return Finding(
        audit=name,
        severity=_BAD[result["status"]],
        where=model,
        since=ended,
        rows=int(result["failures"] or 0),
        detail=node.get("description") or result["message"] or "",
        sql=(result.get("compiled_code") or node.get("compiled_code") or "").strip(),
        runbook=runbook_of(name),
    )


def runbook_of(audit: str) -> str:
    """The runbook of an audit that does not name its own."""
    if "fresh" in audit:
        return "stale_series"
    return "repair_a_gap" if "missing" in audit else "build_failed"


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: (_ORDER[found.severity], found.audit, found.where)))
