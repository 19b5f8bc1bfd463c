"""botocore checks types, required members and least lengths, and leaves the rest to the service. Once this module is
imported, every client of the process checks greatest lengths, patterns and enumerations of its model, too."""

import re
from typing import Any

from botocore.validate import ParamValidator

_string, _list = ParamValidator._validate_string, ParamValidator._validate_list


def _validate_string(self: Any, param: Any, shape: Any, errors: Any, name: str) -> None:
    _string(self, param, shape, errors, name)
    if not isinstance(param, str):
        return
    rules = shape.metadata
    if len(param) > rules.get("max", len(param)):
        raise ValueError(f"{name} has {len(param)} characters; the model allows {rules['max']}")
    if rules.get("enum") and param not in rules["enum"]:
        raise ValueError(f"{name} is {param!r}; the model allows {rules['enum']}")
    if pattern := rules.get("pattern"):
        try:
            fits = re.search(pattern, param)
        except re.error:
            # Java's own classes, such as \p{L}.
            return
        if not fits:
            raise ValueError(f"{name} is {param!r}, which does not match the model's {pattern}")


def _validate_list(self: Any, param: Any, shape: Any, errors: Any, name: str) -> None:
    _list(self, param, shape, errors, name)
    if len(param) > shape.metadata.get("max", len(param)):
        raise ValueError(f"{name} has {len(param)} entries; the model allows {shape.metadata['max']}")


ParamValidator._validate_string = _validate_string
ParamValidator._validate_list = _validate_list
