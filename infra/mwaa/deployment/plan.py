"""The plan of an environment: its file under parameters/, validated against the templates before any AWS request."""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.mwaa.deployment.template import Parameter, Template
from warehouse.errors import BadInput

ROOT = Path(__file__).resolve().parents[3]
PARAMETERS = ROOT / "infra" / "mwaa" / "parameters"
# No hyphen: PROJECT-ENVIRONMENT- is the prefix of an environment's stacks, alarms and log groups, and of what its roles
# may reach. An environment prod-eu would be part of prod.
_NAME = re.compile(r"[a-z][a-z0-9]{1,15}")

# Known only after the code has been packaged and uploaded.
RELEASE_VALUES = (
    "ReleaseId",
    "ReleaseSha256",
    "StartupScriptVersion",
    "RequirementsVersion",
    "BundleKey",
    "BundleSha256",
)


@dataclass(frozen=True)
class Stack:
    """One CloudFormation stack; a parameter's value `@Name` is the output Name of an earlier stack."""

    name: str
    template: Template
    parameters: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """An environment: its stacks in order of creation."""

    project: str
    environment: str
    region: str
    stacks: tuple[Stack, ...]

    def stack_name(self, stack: Stack) -> str:
        """The stack's name in AWS."""
        return f"{self.project}-{self.environment}-{stack.name}"

    @property
    def airflow_version(self) -> str:
        """The version of the environment stack, which requirements.txt must agree with."""
        for stack in self.stacks:
            if "AirflowVersion" in stack.template.parameters:
                default = stack.template.parameters["AirflowVersion"].default
                return stack.parameters.get("AirflowVersion", default or "")
        raise BadInput(
            "No stack of this plan has a parameter AirflowVersion: add infra/mwaa/templates/environment.yaml."
        )


def load(environment: str) -> Plan:
    """Read an environment by name (parameters/NAME.json) or by path.

    Raises BadInput that names the file, the value and the allowed values.
    """
    path = Path(environment) if environment.endswith(".json") else PARAMETERS / f"{environment}.json"
    known = sorted(file.stem for file in PARAMETERS.glob("*.json"))
    if not path.is_file():
        raise BadInput(
            f"There is no environment {environment!r} ({path}). Known: {', '.join(known)}, or a path to a .json file."
        )
    try:
        content = json.loads(path.read_text())
        plan = _plan(path, content)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} is not valid JSON: {error}. Correct it.") from None
    except KeyError as error:
        raise BadInput(f"{path} lacks {error}. See parameters/dev.json for the format.") from None
    problems = list(_problems(plan))
    if problems:
        raise BadInput(f"{path} does not fit the templates:\n  " + "\n  ".join(problems))
    return plan


def _plan(path: Path, content: dict[str, Any]) -> Plan:
    for field in ("project", "environment"):
        if not _NAME.fullmatch(content[field]):
            raise BadInput(
                f"{path}: {field} is {content[field]!r}. It is 2 to 16 lowercase letters and digits without hyphens, "
                "the first a letter (prodeu, not prod-eu)."
            )
    stacks = tuple(
        Stack(
            name=entry["name"],
            template=Template.read(ROOT / entry["template"]),
            parameters={
                "Environment": content["environment"],
                "Project": content["project"],
                **{name: str(value) for name, value in entry.get("parameters", {}).items()},
            },
        )
        for entry in content["stacks"]
    )
    return Plan(content["project"], content["environment"], content["region"], stacks)


def _problems(plan: Plan) -> Iterator[str]:
    outputs: set[str] = set()
    for stack in plan.stacks:
        for name, value in stack.parameters.items():
            if name not in stack.template.parameters:
                close = difflib.get_close_matches(name, stack.template.parameters, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                yield f"{stack.name}: {stack.template.path.name} has no parameter {name!r}{hint}"
            elif value.startswith("@"):
                if value[1:] not in outputs:
                    yield f"{stack.name}: {name} is {value!r}, but no earlier stack has that output"
            elif problem := stack.template.parameters[name].problem(value):
                yield f"{stack.name}: {name} {problem}"
        for name, parameter in stack.template.parameters.items():
            if not _has_value(name, parameter, stack, outputs):
                yield f"{stack.name}: {name} has no value: no default, not in the file, no output of an earlier stack"
        outputs |= set(stack.template.outputs)


def _has_value(name: str, parameter: Parameter, stack: Stack, outputs: set[str]) -> bool:
    return name in stack.parameters or name in outputs or name in RELEASE_VALUES or parameter.default is not None
