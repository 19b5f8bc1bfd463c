"""Checks, before any stack is touched, that ClickHouse's package index has the versions that a plan names."""

import gzip
import os
import re
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from infra.mwaa.deployment.plan import Plan
from infra.mwaa.deployment.stacks import Say
from warehouse.errors import BadInput

# The repository of infra/clickhouse/bin/install.sh.
INDEX = "https://packages.clickhouse.com/rpm/stable/"
_TIMEOUT_SECONDS = 60
_REPOSITORY = "{http://linux.duke.edu/metadata/repo}"
_COMMON = "{http://linux.duke.edu/metadata/common}"
_ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
_PACKAGES = {"data": "clickhouse-server", "keeper": "clickhouse-keeper"}


def check(plan: Plan, say: Say) -> None:
    """Raise BadInput if the index lacks a package of the plan; the message names the newest similar versions.

    If the index cannot be read from here, only a notice is printed: the machine reads it again.
    """
    wanted = set(_wanted(plan))
    if not wanted:
        return
    index = os.environ.get("MDW_CLICKHOUSE_PACKAGES") or INDEX
    try:
        known = _known(index)
    except (OSError, EOFError, ValueError, ElementTree.ParseError) as error:
        say(f"ClickHouse packages: {index} could not be read ({error}), so the versions are not checked beforehand")
        return
    for package, version, architecture in sorted(wanted - known):
        line = ".".join(version.split(".")[:2])
        others = {found for name, found, machine in known if (name, machine) == (package, architecture)}
        near = sorted((one for one in others if one.startswith(f"{line}.")), key=_order) or sorted(others, key=_order)
        raise BadInput(
            f"ClickHouse's package index has no {package} {version} for {architecture}. Nothing was changed. Set "
            f"ClickHouseVersion to one that it has, such as {', '.join(near[-3:]) or '(none found)'}."
        )
    say(f"ClickHouse packages: {', '.join(sorted({version for _, version, _ in wanted}))} is in the index")


def _wanted(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for stack in plan.stacks:
        if "ClickHouseVersion" not in stack.template.parameters:
            continue

        def value(name: str) -> str:
            return stack.parameters.get(name) or stack.template.parameters[name].default or ""  # noqa: B023

        architecture = _ARCHITECTURES[value("Architecture")]
        for package in (_PACKAGES[value("NodeRole")], "clickhouse-client", "clickhouse-common-static"):
            yield package, value("ClickHouseVersion"), architecture


def _known(index: str) -> set[tuple[str, str, str]]:
    """Name, version and architecture of every package of a yum repository."""
    root = ElementTree.fromstring(_get(f"{index}repodata/repomd.xml"))  # noqa: S314 - over https, ClickHouse's own
    places = [
        location.get("href", "")
        for entry in root.iter(f"{_REPOSITORY}data")
        if entry.get("type") == "primary"
        for location in entry.iter(f"{_REPOSITORY}location")
    ]
    if not places or not places[0].endswith((".xml", ".gz")):
        raise ValueError("its list of packages is not gzip")
    data = _get(index + places[0])
    text = gzip.decompress(data) if places[0].endswith(".gz") else data
    listing = ElementTree.fromstring(text)  # noqa: S314
    found = set()
    for entry in listing.iter(f"{_COMMON}package"):
        version = entry.find(f"{_COMMON}version")
        if version is not None:
            name, machine = entry.findtext(f"{_COMMON}name", ""), entry.findtext(f"{_COMMON}arch", "")
            found.add((name, version.get("ver", ""), machine))
    return found


def _get(url: str) -> bytes:
    if not re.match("https?://", url):
        raise ValueError("it is not an http(s) address")
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - http(s) only, see above
        return bytes(answer.read())


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall("[0-9]+", version)]
