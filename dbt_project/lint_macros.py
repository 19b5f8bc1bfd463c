"""Lints the SQL of macros: `python dbt_project/lint_macros.py [FILE …]`; exit code 1 if something is found.

sqlfluff renders a file of macros to nothing. Here every text of SQL in it is rendered with stand-ins for what only dbt
knows, and linted with the rules of the models: macros whose text is SQL, `{% set … %}` and `{% call statement … %}`
blocks, and queries given to run_query and the like as strings. A text that is only a part of a query is completed to
one. Each is rendered twice, with every condition true and with every condition false.

SQL that is put together in Jinja expressions (`'select … ' ~ name`) cannot be linted, and is an error itself.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from sqlfluff.core import FluffConfig, Linter

HERE = Path(__file__).parent
# Texts that are not linted, by macro and block, with the reason.
_CLAUSE = "a clause of DDL, which is not a query"
_DDL = "DDL that sqlfluff's dialect does not know"
NOT_LINTED = {
    "next_query": "only the separator of two queries",
    "clickhouse__get_limit_sql": "wraps any query",
    "queries_of.with_ctes": "its CTEs are texts that dbt rendered",
    "try_claim_on_cluster.claim": "the dialect knows no settings before the values of an insert",
    "chosen_candidates": "the dialect knows no `* replace (…)`",
    "sampled_unpublished_pages": "adds a condition to the query of another macro",
    "partition_clause": _CLAUSE,
    "versioned_layout": _CLAUSE,
    "column_definition": _CLAUSE,
    "column_codec": _CLAUSE,
    "column_default": _CLAUSE,
    "added_column": _CLAUSE,
    "planning_settings": "a comma and settings",
    "versioned_ddl": _DDL,
    "create_versioned_table.add_columns": _DDL,
    "attach_all.attach_all": _DDL,
    "clickhouse__persist_docs.comments": _DDL,
    "merge_changed_partitions.merge_changed_partitions": _DDL,
    "registry.require_row_hash": _DDL,
    "registry.merge_registry": _DDL,
    "merge_to_one_part.merge_to_one_part": _DDL,
    "catch_up_own_node.pull": _DDL,
    "catch_up_own_node: run_query": _DDL,
    "merge_node_versions: run_query": _DDL,
    "table_exists.query": _DDL,
}
# Rules that a text breaks for a reason.
_SCALARS = "in ClickHouse, WITH also names scalars: the rules take them for CTEs"
_PARAMETRIC = "an aggregate function with parameters has no space before its arguments"
EXCEPTIONS = {
    "view_bars_live": ("LT02,AM03", f"{_SCALARS}; NULLS LAST needs a direction"),
    "view_latest": ("LT02", _SCALARS),
    "hashed_columns_sql": ("CP01", "Map is a type"),
    "row_rule_violations": ("LT01", _PARAMETRIC),
    "record_conflicts.record_conflicts": ("LT01", _PARAMETRIC),
    "view_at": ("LT02", _SCALARS),
}
# Calls whose arguments are messages to people, and names of macros and blocks that are one.
_MESSAGES = {"raise_compiler_error", "log", "refuse_publication"}
_IS_MESSAGE = re.compile(r"(^|_)message$")
_QUERIES = {"run_query", "scalar", "first_column", "has_rows"}

_MACRO = re.compile(
    r"\{%-? (?:macro|test|materialization) (\w+)(.*?)-?%\}\n?(.*?)\{%-? end(?:macro|test|materialization) -?%\}",
    re.DOTALL,
)
_BLOCK = re.compile(
    r"\{%-? set (\w+) -?%\}\n?(.*?)\{%-? endset -?%\}|\{%-? call statement\('(\w+)'[^%]*%\}\n?(.*?)\{%-? endcall -?%\}",
    re.DOTALL,
)
# Macros that run statements or return values.
_IS_CODE = re.compile(r"return\(|\{%-? (do|call) |run_hooks")
_STATEMENT = re.compile(r"(select|with|insert|create|alter|drop|optimize|describe|exists|system)\b")
_SQL_WORD = re.compile(
    r"\b(select|from|where|insert|into|values|group by|order by|having|union|join|alter|create|drop|delete|optimize"
    r"|partition|settings|limit|between|cast|and|or|not|in|as|is|null|final)\b|\w\(|^\(|[=<>]",
    re.IGNORECASE,
)


class Name(jinja2.Undefined):
    """Stands for what only dbt knows: prints as a name, and every operation gives something that prints."""

    # Whether conditions are true, in the rendering of this process.
    truth = True

    def __str__(self) -> str:
        return f"x_{self._undefined_name}"

    def __call__(self, *_: Any, **__: Any) -> "Name":  # type: ignore[override]
        """A macro's text."""
        return self

    def __getattr__(self, name: str) -> "Name":
        if name.startswith("__"):
            raise AttributeError(name)
        return Name(name=f"{self._undefined_name}_{name}")

    def __getitem__(self, key: Any) -> Any:
        return list(self) if isinstance(key, slice) else Name(name=f"{self._undefined_name}_item")

    def __iter__(self) -> Iterator["Name"]:
        return iter([Name(name=f"{self._undefined_name}_{number}") for number in (1, 2)])

    def __add__(self, other: Any) -> Any:
        return [*self, *other] if isinstance(other, list | Name) else self

    def __radd__(self, other: Any) -> Any:
        return [*other, *self] if isinstance(other, list) else self

    def __len__(self) -> int:
        return 2

    def __int__(self) -> int:  # type: ignore[override]
        return 1

    def __bool__(self) -> bool:
        return Name.truth

    def __contains__(self, _: Any) -> bool:
        return Name.truth

    def _compare(self, _: Any) -> bool:
        return Name.truth

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compare  # type: ignore[assignment]
    __hash__ = object.__hash__


def _stand_ins() -> dict[str, Any]:
    """Macros whose text is not an expression."""
    cte = "typed as (\n    select x_column\n    from x_table\n)"
    finish = f"{cte}\n\0\nselect x_column\nfrom typed"
    return {
        "ref": lambda name: Name(name=name),
        "source": lambda schema, name: f"{schema}.{name}",
        "sql_text": lambda text: text,
        "quoted": lambda texts: "'a', 'b'",
        "on_cluster": lambda: " on cluster x_cluster" if Name.truth else "",
        "skip_unavailable_nodes": lambda: "settings skip_unavailable_shards = 1",
        "log_engine": lambda: "MergeTree",
        "versioned_engine": lambda: "MergeTree",
        "partition_clause": lambda partition: "partition 202501",
        "column_definition": lambda column: "x_column String",
        "versioned_layout": lambda node: "order by x_column",
        "planning_settings": lambda: "",
        "next_query": lambda: "union all",
        "guard": "",
        "contract_select": lambda entity: "\n    x_column",
        "archived_guard": lambda dataset: "union all\nselect x_column from x_table",
        "behind_guard": lambda dataset, registry: "union all\nselect x_column from x_table",
        "finish_bars": lambda *_, **__: finish,
        "finish_instruments": lambda *_, **__: finish,
        "archive_lines": lambda pages: cte,
    }


@dataclass
class Text:
    """A text of SQL in a file of macros."""

    file: Path
    line: int
    name: str
    source: str
    violations: tuple[str, ...] = ()


def texts(file: Path) -> Iterator[Text]:
    """Every text of SQL in the file."""
    content = file.read_text()

    def line(at: int) -> int:
        return content.count("\n", 0, at) + 1

    for macro in _MACRO.finditer(content):
        begin = macro.start(3)
        for block in _BLOCK.finditer(macro[3]):
            name, at = (block[1], 2) if block[1] else (block[3], 4)
            if not _IS_MESSAGE.search(name):
                yield Text(file, line(begin + block.start(at)), f"{macro[1]}.{name}", block[at])
        rest = _BLOCK.sub("", macro[3])
        words = re.sub(r"\{%.*?%\}|\{#.*?#\}", "", rest, flags=re.DOTALL)
        # Code has no text of its own; a macro without code may consist of other macros' texts.
        has_text = re.sub(r"\{\{.*?\}\}", "", words, flags=re.DOTALL).strip()
        is_sql = has_text or ("{{" in words and not _IS_CODE.search(rest))
        if is_sql and not _IS_MESSAGE.search(macro[1]):
            yield Text(file, line(begin), macro[1], macro[3])
    macros = list(_tree(content).find_all(nodes.Macro))
    for call in _tree(content).find_all(nodes.Call):
        if _called(call) in _QUERIES and call.args and isinstance(call.args[0], nodes.Const):
            within = next(one.name for one in reversed(macros) if one.lineno <= call.lineno)
            yield Text(file, call.lineno, f"{within}: {_called(call)}", call.args[0].value)


def concatenated(file: Path) -> list[str]:
    """Expressions that put SQL together."""
    found = []

    def visit(node: nodes.Node) -> None:
        if isinstance(node, nodes.Call) and _called(node) in _MESSAGES:
            return
        if isinstance(node, nodes.Macro) and _IS_MESSAGE.search(node.name):
            return
        if isinstance(node, nodes.Assign) and _IS_MESSAGE.search(getattr(node.target, "name", "")):
            return
        if isinstance(node, nodes.Concat | nodes.Add):
            parts = node.nodes if isinstance(node, nodes.Concat) else [node.left, node.right]
            words = [one.value for one in parts if isinstance(one, nodes.Const) and isinstance(one.value, str)]
            if any(_SQL_WORD.search(word) for word in words):
                found.append(f"{file}:{node.lineno}: SQL concatenated in Jinja: write it as a {{% set %}} block")
                return
        if isinstance(node, nodes.Call) and _called(node) == "format":
            found.append(f"{file}:{node.lineno}: SQL put together by format(): write a macro")
        for child in node.iter_child_nodes():
            visit(child)

    visit(_tree(file.read_text()))
    return found


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(undefined=Name, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701


@cache
def _tree(content: str) -> nodes.Template:
    """dbt's own tags are read as macros."""
    plain = re.sub(r"(\{%-? )materialization (\w+).*?(-?%\})", r"\1macro \2() \3", content)
    plain = re.sub(r"(\{%-? )test ", r"\1macro ", plain)
    plain = re.sub(r"(\{%-? )end(?:materialization|test) ", r"\1endmacro ", plain)
    return _environment().parse(plain)


def _called(call: nodes.Call) -> str:
    return getattr(call.node, "name", "") or getattr(call.node, "attr", "")


def rendered(source: str, truth: bool) -> str:
    """The text with a stand-in for everything that is not in it."""
    Name.truth = truth
    # Empty lines are kept, but not those that only held Jinja.
    kept = re.sub(r"\n(?=\n)", "\n\0", textwrap.dedent(source).strip("\n"))
    sql = _environment().from_string(kept, globals=_stand_ins()).render()
    # A view's parameter is replaced by a value.
    sql = re.sub(r"\{\w+:\w+\}", "'value'", sql)
    lines = [line.rstrip() for line in sql.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        before = lines[at - 1] if at else "select"
        is_query = re.search(r"(\b(as|from|in) \($|^\s*union (all|distinct)$)", before) or (at and line[0] == "x")
        if is_query and re.fullmatch(r"\s*x_\w+", line):
            lines[at] = re.sub(r"x_", "select x_column from x_", line, count=1)
    return "\n".join(line.lstrip("\0") for line in lines).strip("\n") + "\n"


def whole(sql: str) -> str:
    """A part of a query, completed to one."""
    # Of statements that the dialect does not know, the query in them.
    sql = re.sub(r"\A\s*union all\n", "", sql)
    sql = re.sub(r"\Acreate or replace view .*?\bas\n", "", sql, flags=re.DOTALL)
    sql = re.sub(r"\Adescribe table \(\n", "select x_column\nfrom (\n", sql)
    sql = re.sub(
        r"\Aalter table (\w+)[^()]*? delete\b.*?(?=where)", r"select x_column\nfrom \1\n", sql, flags=re.DOTALL
    )
    sql = re.sub(r"\Aand ", "", sql.lstrip(" "))
    first = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE).lstrip()
    if _STATEMENT.match(first):
        return sql
    if re.match(r"\w+ as \($", first.splitlines()[0]):
        return f"with {sql}" + ("" if re.search(r"^select", sql, re.MULTILINE) else "\nselect 1\n")
    if re.match(r"(from|settings|where|order by|array join)\b", first):
        return ("select *\n" if first.startswith("from") else "select x_column\nfrom x_table\n") + sql
    return "select\n" + textwrap.indent(textwrap.dedent(sql), "    ")


def lint(text: Text) -> Text:
    """The text with what is wrong with it."""
    try:
        variants = {rendered(text.source, truth) for truth in (True, False)} - {"\n"}
    except Exception as error:
        return Text(text.file, text.line, text.name, text.source, (f"cannot be rendered: {error!r}",))
    found: dict[str, None] = {}
    for sql in variants:
        query = whole(sql)
        lines = query.splitlines()
        for violation in _linter(EXCEPTIONS.get(text.name, ("", ""))[0]).lint_string(query).get_violations():
            at = lines[min(violation.line_no, len(lines)) - 1].strip() if lines else ""
            found[f"{violation.rule_code()} {violation.desc()} [{at}]"] = None
    return Text(text.file, text.line, text.name, text.source, tuple(found))


@cache
def _linter(more: str) -> Linter:
    """With the rules of the models, except those on names, numbers of columns and line lengths: stand-ins have others.
    A query for one row of many needs no order (AM09)."""
    config = FluffConfig.from_path(str(HERE))
    excluded = ("AL03", "AL04", "AL05", "AL10", "AM07", "AM09", "LT05", "LT12", "LT13", "ST03", "ST05", more)
    rules = ",".join([str(config.get("exclude_rules")), *filter(None, excluded)])
    return Linter(config=FluffConfig.from_path(str(HERE), overrides={"templater": "raw", "exclude_rules": rules}))


def main(files: list[str]) -> int:
    """Print what is wrong, by file and line."""
    paths = [Path(one) for one in files] or sorted((HERE / "macros").rglob("*.sql"))
    # sqlfluff lints models and generic tests, but not the Jinja in them.
    others = [] if files else sorted(one for name in ("models", "tests") for one in (HERE / name).rglob("*.sql"))
    found = [one for path in [*paths, *others] for one in concatenated(path)]
    for path in paths:
        long = [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 120]
        found += [f"{path}:{number}: longer than 120 characters" for number in long]
    todo = [text for path in paths for text in texts(path)]
    if not files:
        gone = {*NOT_LINTED, *EXCEPTIONS} - {text.name for text in todo}
        found += [f"lint_macros.py: {name} is listed here and no text of SQL" for name in sorted(gone)]
    with Pool(2) as pool:
        for text in pool.imap(lint, [text for text in todo if text.name not in NOT_LINTED], chunksize=8):
            found += [f"{text.file}:{text.line}: {text.name}: {violation}" for violation in text.violations]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    skipped = sum(text.name in NOT_LINTED for text in todo)
    sys.stdout.write(f"{len(todo) - skipped} texts of SQL in macros linted, {skipped} not (NOT_LINTED)\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
