"""Generates the reference page, docs/sdk_reference.md, from the docstrings: `python -m alphaforge_data.reference`."""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import alphaforge_data
from alphaforge_data.adapters import backtesting, backtrader, freqtrade, nautilus, vectorbt

_ADAPTERS = (vectorbt, backtesting, backtrader, freqtrade, nautilus)
_FUNCTIONS = (
    alphaforge_data.connect,
    alphaforge_data.timeframe,
    alphaforge_data.snapshot_of,
    alphaforge_data.concat,
)
_CLASSES = (alphaforge_data.Client, alphaforge_data.Frame, alphaforge_data.Snapshot, alphaforge_data.CacheInfo)
_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def page() -> str:
    """The whole page as Markdown."""
    lines = [
        "# alphaforge_data: reference",
        "",
        "Generated from the docstrings by `make reference`; a test compares the two. Introduction:",
        "[alphaforge_data](../alphaforge_data/README.md). Columns: [data_contract.md](data_contract.md).",
        "",
    ]
    for function in _FUNCTIONS:
        lines += _entry("##", f"alphaforge_data.{function.__name__}", function)
    for kind in _CLASSES:
        lines += [f"## {kind.__name__}", "", *_text(kind), ""]
        for name, member in _members(kind):
            lines += _entry("###", f"{kind.__name__}.{name}", member)
    lines += ["## alphaforge_data.aio", "", *_text(alphaforge_data.aio), ""]
    for module in _ADAPTERS:
        lines += [f"## {module.__name__}", "", *_text(module), ""]
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                lines += _entry("###", name, function)
    lines += ["## Errors", ""]
    errors = [vars(alphaforge_data)[name] for name in alphaforge_data.__all__]
    for error in (one for one in errors if inspect.isclass(one) and issubclass(one, Exception)):
        item = f"- `{error.__name__}` ({error.__mro__[1].__name__}): {' '.join(' '.join(_text(error)).split())}"
        lines += textwrap.wrap(item, 118, subsequent_indent="  ")
    return "\n".join(lines).rstrip() + "\n"


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, (property, classmethod))):
            yield name, member


def _entry(level: str, name: str, member: Any) -> list[str]:
    function: Callable[..., Any] | None = None
    if isinstance(member, classmethod):
        function = member.__func__
    elif inspect.isfunction(member):
        function = member
    call = "" if function is None else f"({_parameters(function)})"
    shown = textwrap.wrap(f"{name.rpartition('.')[2]}{call}", 116, subsequent_indent="    ")
    return [f"{level} {name}", "", "```text", *shown, "```", *_text(member), ""]


def _parameters(function: Callable[..., Any]) -> str:
    """Names and defaults; the types are in the text below."""
    shown, is_keyword = [], False
    for one in inspect.signature(function).parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.KEYWORD_ONLY and not is_keyword:
            shown.append("*")
            is_keyword = True
        prefix = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        shown.append(f"{prefix}{one.name}" + ("" if one.default is one.empty else f"={one.default!r}"))
    return ", ".join(shown)


def _text(member: Any) -> list[str]:
    """A numpydoc docstring as Markdown: sections become bold words, their entries a list."""
    text = inspect.getdoc(member) or ""
    pieces = _SECTION.split(text)
    lines = pieces[0].strip().splitlines()
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines += ["", f"**{title}**", "", *_section(title, body)]
    return lines


def _section(title: str, body: str) -> list[str]:
    lines = inspect.cleandoc("\n" + body).splitlines()
    if title == "Examples":
        return ["```text", *(line.partition("  # doctest")[0].rstrip() for line in lines), "```"]
    if title == "Notes":
        return lines
    shown = []
    for line in lines:
        if line.startswith(" "):
            shown.append(f"  {line.strip()}")
        elif line:
            name, colon, kind = line.partition(" : ")
            shown.append(f"- `{name}`{f' ({kind})' if colon else ''}")
    return shown


if __name__ == "__main__":
    sys.stdout.write(page())
