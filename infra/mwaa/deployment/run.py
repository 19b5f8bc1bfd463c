"""Runs a deployment: package, foundation, upload, the other stacks, smoke test, and rollback if that fails."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from infra.mwaa.deployment import package, packages, pools, release, smoke
from infra.mwaa.deployment.cloud import Cloud
from infra.mwaa.deployment.plan import RELEASE_VALUES, Plan, Stack
from infra.mwaa.deployment.release import Release
from infra.mwaa.deployment.stacks import Say, Stacks
from warehouse.errors import BadInput, OperationFailed

# Half a minute apart: MWAA loads new DAG files within minutes.
_DAG_POLLS = 20


class Deployment:
    """The deployment of one environment."""

    def __init__(self, plan: Plan, say: Say, poll: float) -> None:
        self.plan, self.say = plan, say
        self.cloud = Cloud(plan.region)
        self.stacks = Stacks(self.cloud, plan, say, poll)

    def outputs(self) -> dict[str, str]:
        """Outputs of all existing stacks, by name."""
        found: dict[str, str] = {}
        for stack in self.plan.stacks:
            found |= self.stacks.outputs(self.plan.stack_name(stack))
        return found

    def preview(self) -> None:
        """Show what a deployment would do; changes nothing."""
        self.say(f"account {self.cloud.account()}, region {self.plan.region}")
        packages.check(self.plan, self.say)
        with tempfile.TemporaryDirectory() as folder:
            built = package.build(Path(folder), self.plan.airflow_version)
            self.say(
                f"release {built.release_id}: {built.project_zip.stat().st_size:,} bytes, {len(built.dags)} DAG files"
            )
            outputs = self.outputs()
            bucket = outputs.get("CodeBucketName")
            current = release.deployed(self.cloud, bucket)[-1:] if bucket else []
            known = {**(current[0].values() if current else {}), "ReleaseId": built.release_id}
            known |= {"ReleaseSha256": built.project_sha256, "BundleSha256": built.bundle_sha256}
            known |= {"BundleKey": f"clickhouse/{built.bundle_sha256[:16]}.zip"}
        before: dict[str, str] = {}
        for stack in self.plan.stacks:
            name = self.plan.stack_name(stack)
            changes = self.stacks.preview(stack, self._values(stack, before, known))
            before |= self.stacks.outputs(name)
            for change in changes:
                self.say(f"{name}: would {change}")
            if not changes:
                self.say(f"{name}: nothing to change")

    def deploy(self, *, keep_on_failure: bool = False, roll_back: bool = True) -> Release:
        """Bring everything to the state of this checkout.

        Without `roll_back` a failed stack stays as it is, including its machine, for inspection. Raises OperationFailed
        if a stack or the smoke test fails; the environment is then back at its last good release, if it had one.
        """
        self.say(f"account {self.cloud.account()}, region {self.plan.region}")
        packages.check(self.plan, self.say)
        self.stacks.roll_back = roll_back
        with tempfile.TemporaryDirectory() as folder:
            built = package.build(Path(folder), self.plan.airflow_version)
            first, *rest = self.plan.stacks
            outputs = self.stacks.apply(first, self._values(first, {}, {}))
            if "CodeBucketName" not in outputs:
                raise BadInput(
                    f"The first stack is {first.name}; it must be the one with output CodeBucketName (foundation)."
                )
            bucket = outputs["CodeBucketName"]
            before = release.deployed(self.cloud, bucket)[-1:]
            current = release.upload(self.cloud, bucket, built, self.say)
        for stack in rest:
            outputs |= self.stacks.apply(stack, self._values(stack, outputs, current.values()))
        if made := pools.ensure(self.cloud, f"{self.plan.project}-{self.plan.environment}"):
            self.say(f"Airflow pools made: {', '.join(made)}")
        bad = [check for check in self._smoke(current, outputs) if not check.good]
        if not bad:
            release.record(self.cloud, bucket, current)
            return current
        reasons = "; ".join(f"{check.name}: {check.found} (look at: {check.act})" for check in bad)
        if before and before[0] != current and not keep_on_failure:
            self.back_to(before[0])
            raise OperationFailed(f"The smoke test failed, so release {before[0].ReleaseId} runs again: {reasons}")
        raise OperationFailed(f"The smoke test failed, and there is no earlier release to go back to: {reasons}")

    def _smoke(self, current: Release, outputs: dict[str, str]) -> list[smoke.Check]:
        """Run the smoke test, repeatedly while DAGs are still loading, which takes minutes in a new environment."""
        for _ in range(_DAG_POLLS):
            checks = smoke.run(self.cloud, self.plan, current, outputs)
            if not any(check.name == "DAGs" and not check.good for check in checks):
                break
            self.say("Airflow has not loaded its DAG files yet, waiting")
            time.sleep(3 * self.stacks.poll)
        return checks

    def back_to(self, target: Release) -> None:
        """Restore an earlier release in the environment; templates and other parameters stay."""
        before: dict[str, str] = {}
        for stack in self.plan.stacks:
            name = self.plan.stack_name(stack)
            if "ReleaseId" in stack.template.parameters:
                self.say(f"{name}: back to release {target.ReleaseId}")
                self.stacks.apply(stack, self._values(stack, before, target.values()))
            before |= self.stacks.outputs(name)

    def roll_back(self, release_id: str | None) -> Release:
        """Roll back to the release before the current one, or to the named one."""
        bucket = self.outputs().get("CodeBucketName")
        known = release.deployed(self.cloud, bucket) if bucket else []
        if release_id is None:
            known_before = known[:-1]
            if not known_before:
                raise OperationFailed(f"There is no earlier release to go back to; known: {_names(known)}.")
            target = known_before[-1]
        else:
            matches = [entry for entry in known if entry.ReleaseId == release_id]
            if not matches:
                raise BadInput(f"There is no release {release_id!r}; known: {_names(known)}.")
            target = matches[-1]
        self.back_to(replace(target))
        if bucket:
            release.record(self.cloud, bucket, target)
        return target

    def _values(self, stack: Stack, outputs: dict[str, str], computed: dict[str, str]) -> dict[str, str]:
        # Outputs of earlier stacks only: network has both a parameter and an output VpcCidr.
        values: dict[str, str] = {}
        for name in stack.template.parameters:
            given = stack.parameters.get(name)
            if given is not None and not given.startswith("@"):
                values[name] = given
            elif given is not None and given[1:] in outputs:
                values[name] = outputs[given[1:]]
            elif name in RELEASE_VALUES and name in computed:
                values[name] = computed[name]
            elif given is None and name in outputs:
                values[name] = outputs[name]
        return values


def _names(releases: list[Release]) -> str:
    return ", ".join(entry.ReleaseId for entry in releases) or "none"
