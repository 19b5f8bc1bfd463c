"""Reads the parameters, resources and outputs of a CloudFormation template, without AWS."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import BadInput


class _Loader(yaml.SafeLoader):
    """Loads !Ref, !Sub and the like as plain mappings."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load_yaml(text: str) -> Any:
    """A template as plain Python; !Ref X is {"Ref": "X"}, !Sub X is {"Fn::Sub": "X"}."""
    return yaml.load(text, _Loader)  # noqa: S506 - a subclass of SafeLoader


@dataclass(frozen=True)
class Parameter:
    """One parameter of a template."""

    default: str | None
    allowed: tuple[str, ...]
    pattern: str | None
    low: float | None
    high: float | None
    number: bool

    def problem(self, value: str) -> str | None:
        """What is wrong with a value, or None."""
        if self.allowed and value not in self.allowed:
            return f"is {value!r}; allowed: {', '.join(self.allowed)}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"is {value!r}, which does not match {self.pattern}"
        if self.number:
            try:
                number = float(value)
            except ValueError:
                return f"is {value!r}, which is not a number"
            if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
                return f"is {value}; allowed: {self._range()}"
        return None

    def _range(self) -> str:
        if self.high is None:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.low is None else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Template:
    """A template's text and the names in it."""

    path: Path
    text: str
    parameters: dict[str, Parameter]
    resources: dict[str, str]
    outputs: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Template":
        """Raises BadInput if the file is missing or not a template."""
        try:
            text = path.read_text()
            content = load_yaml(text)
            resources = {name: body["Type"] for name, body in content["Resources"].items()}
        except OSError as error:
            raise BadInput(f"Template {path} cannot be read: {error.strerror}.") from None
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{path} is not a CloudFormation template: {error}.") from None
        parameters = {name: _parameter(body) for name, body in (content.get("Parameters") or {}).items()}
        return cls(path, text, parameters, resources, tuple(content.get("Outputs") or {}))


def _parameter(body: dict[str, Any]) -> Parameter:
    default = body.get("Default")
    return Parameter(
        default=None if default is None else str(default),
        allowed=tuple(str(value) for value in body.get("AllowedValues", ())),
        pattern=body.get("AllowedPattern"),
        low=body.get("MinValue"),
        high=body.get("MaxValue"),
        number=body["Type"] == "Number",
    )
