"""Runs the audits outside a build."""

from mdw.publishing import dbt
from mdw.publishing.snapshot_build import claim_variables, only_writer
from mdw.quality.findings import AuditRun, newest_run
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings

# Only the audits, without marts and publication.
_SELECTED = (
    "--select",
    "path:models/quality/results",
    "dq_conflicting_rows",
    "--exclude",
    "v_dataset_condition",
    "v_dataset_condition_at",
)


def run(settings: Settings, full: bool = False) -> AuditRun:
    """Audit the marts as they are now: unpublished rows, or every row (`full`).

    Waits for a build of this MDW_HOME to end. Raises OperationFailed if nothing was built yet, if another machine is
    building, or if dbt fails.
    """
    with connect(settings, "auditor") as client:
        if not client.command("exists table marts.bars"):
            raise OperationFailed("There is nothing to audit: no build has run yet. Run `mdw build` first.")
        before = newest_run(client)
    variables: dict[str, object] = {**claim_variables(settings), "audit_everything": full}
    if settings.now is not None:
        variables["now"] = settings.now.isoformat()
    with only_writer(settings):
        outcome = dbt.run(settings, "build", variables, "--exclude-resource-type", "unit_test", *_SELECTED)
    if (broken := outcome.status_of("dq_audit_results")) != "success":
        reasons = [f"{node.name}: {node.message}" for node in outcome.failed] or outcome.errors
        raise OperationFailed(f"The audits could not run ({broken}): {' '.join(reasons)}")
    with connect(settings, "auditor") as client:
        after = newest_run(client)
    if after is None or (before is not None and after.run == before.run):
        raise OperationFailed("The audits wrote no results; see dbt's log.")
    return after
