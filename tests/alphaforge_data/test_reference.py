"""The reference page is generated from numpydoc docstrings that name every parameter."""

import inspect
import re

import pytest

import alphaforge_data
from alphaforge_data import reference
from warehouse.project import PROJECT

METHODS = {
    f"{kind.__name__}.{name}": member
    for kind in (alphaforge_data.Client, alphaforge_data.Frame)
    for name, member in vars(kind).items()
    if inspect.isfunction(member) and not name.startswith("_")
} | {function.__name__: function for function in reference._FUNCTIONS}


def test_the_page_is_current() -> None:
    assert (PROJECT / "docs" / "sdk_reference.md").read_text() == reference.page(), "run `make reference`"


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_documented(name: str) -> None:
    taken = [one for one in inspect.signature(METHODS[name]).parameters if one != "self"]
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n\w[\w ]*\n-{3,}|\Z)", inspect.getdoc(METHODS[name]) or "", re.S)
    documented = re.findall(r"^(\S.*?)(?: : .*)?$", section[1], re.M) if section else []
    assert {one for line in documented for one in line.split(", ")} == set(taken)
