"""Everything that docs, comments and docstrings refer to exists: files, sections, modules, and members of classes."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from warehouse.project import PROJECT

SUFFIXES = {".md", ".py", ".sql", ".yml", ".yaml", ".toml", ".sh", ".csv", ".in"}
READ = SUFFIXES | {".json", ""}
PYTHON_NAMES = {".md", ".py"}
# Migrations never change (their checksums are stored in warehouses); a changelog and old decisions describe the past;
# growth.py makes the edits of docs/adding_a_*.md; this file contains made-up names.
HISTORY = ("warehouse/migrations/", "CHANGELOG.md", "requirements/", "LICENSE", "tests/docs/test_references.py")
# Files created by commands, dbt or ClickHouse's wheel, and recordings outside of the repository.
MADE_ELSEWHERE = {
    "acceptance.md",
    "chdb/__init__.py",
    "dist/acceptance.md",
    "dbt_project/package-lock.yml",
    "elementary/package-lock.yml",
    "equity.csv",
    "trades.csv",
    "schema.sql",
    "PROVENANCE.md",
    "WS_PROVENANCE.md",
}
# The example of docs/adding_a_dataset.md, and the recordings of golden rows.
EXAMPLE = re.compile(r"open_interest|^_(at|latest)\.sql$|_raw\d+\.csv$")
FILE = re.compile(r"(?<![\w/.<>*{}$~-])((?:[\w.-]+/)*[\w-]+\.(?:py|md|sql|yml|yaml|toml|sh|csv))(?![\w/*{<-])")
MODULE = re.compile(
    r"(?<![\w./-])((?:dlt_pipelines|mdw|warehouse|alphaforge_data|replay|infra|tests)(?:\.[A-Za-z_]\w*)+)(?![\w/-])"
)
# `Endpoint.budget`: one of our classes and its member.
MEMBER = re.compile(r"`([A-Z][a-z]\w+\.[a-z_]\w*)(?:\([^`]*\))?`|\(([A-Z][a-z]\w+\.[a-z_]\w*)\)")
SECTION = re.compile(r"([\w/.-]+\.md)(?:`|\))?,? (?:section )?[“\"]([^”\"\n]+)[”\"]|([\w/.-]+\.md) §(\d+)")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True
    )
    return [name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]


NAMES = tracked()
PATHS = set(NAMES)
PAGES = [name for name in NAMES if not name.startswith(HISTORY) and Path(name).suffix in READ]


def prose(name: str) -> Iterator[tuple[int, str]]:
    """Lines of a file that people read: of code, comments, docstrings, and messages that name a section of a page."""
    text = (PROJECT / name).read_text(encoding="utf-8", errors="ignore")
    if not name.endswith(".py"):
        yield from enumerate(text.splitlines(), 1)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), node.lineno)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SECTION.search(node.value):
            yield from enumerate(node.value.splitlines(), node.lineno)
    for number, line in enumerate(text.splitlines(), 1):
        if (found := re.search(r"(?:^|\s)#\s(.*)", line)) is not None:
            yield number, found[1]


def file_exists(named: str, page: str) -> bool:
    """A path from the root, from the page, or the end of a path, since prose shortens paths."""
    if named in MADE_ELSEWHERE or EXAMPLE.search(named) or named in PATHS or (PROJECT / named).exists():
        return True
    beside = (PROJECT / page).parent / named
    return beside.exists() or any(path.endswith(f"/{named}") for path in NAMES)


@cache
def members(module: str) -> set[str]:
    path = PROJECT / (module.replace(".", "/") + ".py")
    path = path if path.exists() else PROJECT / module.replace(".", "/") / "__init__.py"
    if not path.exists():
        return set()
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {name.asname or name.name for name in node.names}
    return found


def module_exists(named: str) -> bool:
    """A package, a module, or a name that a module defines."""
    parts = named.split(".")
    for length in range(len(parts), 0, -1):
        path = PROJECT / "/".join(parts[:length])
        if path.is_dir() or path.with_suffix(".py").exists():
            rest = parts[length:]
            return not rest or rest[0] in members(".".join(parts[:length]))
    return False


@cache
def classes() -> dict[str, set[str]]:
    """Members of our classes, by class name."""
    found: dict[str, set[str]] = {}
    for name in NAMES:
        if name.endswith(".py"):
            for node in ast.walk(ast.parse((PROJECT / name).read_text())):
                if isinstance(node, ast.ClassDef):
                    text = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                    own = {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
                    fields = {
                        n.target.id
                        for n in node.body
                        if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
                    }
                    plain = {
                        t.id
                        for n in node.body
                        if isinstance(n, ast.Assign)
                        for t in n.targets
                        if isinstance(t, ast.Name)
                    }
                    found.setdefault(node.name, set()).update(text | own | fields | plain)
    return found


def name_exists(named: str) -> bool:
    if named[0].isupper():
        owner, member = named.split(".")
        return owner not in classes() or member in classes()[owner]
    return module_exists(named)


@cache
def headings(path: Path) -> tuple[str, ...]:
    return tuple(re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE))


def section_exists(page: str, named: str, title: str | None, number: str | None) -> bool:
    candidates = [PROJECT / named, (PROJECT / page).parent / named, PROJECT / "docs" / named]
    path = next((one for one in candidates if one.exists()), None)
    if path is None:
        return False
    if number:
        return any(heading.startswith(f"{number}.") for heading in headings(path))
    return any((title or "").lower() in heading.lower() for heading in headings(path))


def missing(page: str) -> list[str]:
    found = []
    for number, line in prose(page):
        # `client.sql` is a method of the SDK.
        text = re.sub(r"https?://\S+|s3://\S+|<[^>]*>/?\S*|\b[Cc]lient\.sql\b", " ", line)
        found += [f"{page}:{number}: no file {name}" for name in FILE.findall(text) if not file_exists(name, page)]
        if Path(page).suffix in PYTHON_NAMES:
            named = [*MODULE.findall(text), *(one for pair in MEMBER.findall(text) for one in pair if one)]
            found += [f"{page}:{number}: no module or name {name}" for name in named if not name_exists(name)]
        for quoted, title, paged, section in SECTION.findall(text):
            if not section_exists(page, quoted or paged, title or None, section or None):
                found.append(f"{page}:{number}: {quoted or paged} has no section {title or section!r}")
    return found


def test_everything_that_prose_names_exists():
    found = [problem for page in PAGES for problem in missing(page)]
    assert not found, "\n".join(found)
