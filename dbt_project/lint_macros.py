"""Lints the SQL of macros: `python dbt_project/lint_macros.py [FOLDER …]`; exit code 1 if something is found.

sqlfluff renders a file of macros to nothing. Here the body of each macro that is SQL is turned into a query, with its
arguments as column names, and linted with the rules of the models. Macros that run statements, return values, or
contain only part of a query are skipped.
"""

import re
import sys
import textwrap
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

HERE = Path(__file__).parent
_MACRO = re.compile(r"\{%-? macro (\w+)\((.*?)\) -?%\}\n(.*?)\{%-? endmacro -?%\}", re.DOTALL)
# Macros that are not a query: values, statements to run, fragments of a query.
_CODE = re.compile(r"return\(|run_query|\{%-? (do|call) ")


def query(arguments: str, body: str) -> str | None:
    """The macro as a query that renders on its own; None if its text is not a whole query."""
    if _CODE.search(body):
        return None
    # Jinja statements are on separate lines, indented like the macro; a view's parameter is replaced by a value.
    sql = re.sub(r"^ +(?=\{%)", "", textwrap.dedent(body).strip("\n"), flags=re.MULTILINE)
    sql = re.sub(r"\{\w+:\w+\}", "'value'", sql)
    first = re.sub(r"\{%.*?%\}|\{#.*?#\}|^\s*--.*$", "", sql, flags=re.DOTALL | re.MULTILINE).strip()
    if not re.match(r"(select|with)\b", first):
        return None
    names = [one.strip().partition("=") for one in re.split(r",(?![^(\[]*[)\]])", arguments) if one.strip()]
    given = "".join(f"{{% set {name} = {default or repr(name)} %}}" for name, _, default in names)
    return f"{given}\n{sql}\n"


def main(folders: list[str]) -> int:
    """Print what is wrong, by file and line."""
    overrides = {"ignore": "templating,parsing", "exclude_rules": _excluded()}
    linter = Linter(config=FluffConfig.from_path(str(HERE), overrides=overrides))
    found = 0
    for folder in folders or ["macros/audits", "macros/build", "macros/snapshots"]:
        for file in sorted((HERE / folder).rglob("*.sql")):
            text = file.read_text()
            for macro in _MACRO.finditer(text):
                rendered = query(macro[2], macro[3])
                if rendered is None:
                    continue
                first = text.count("\n", 0, macro.start(3))
                for violation in linter.lint_string(rendered, fname=str(file)).get_violations():
                    found += 1
                    line = first + max(violation.line_no - 1, 0)
                    sys.stdout.write(f"{file}:{line}: {macro[1]}: {violation.rule_code()} {violation.desc()}\n")
    return int(found > 0)


def _excluded() -> str:
    """Those of .sqlfluff, and those that the line of arguments before a query violates (LT12, LT13)."""
    config = FluffConfig.from_path(str(HERE))
    return ",".join([str(config.get("exclude_rules")), "LT12", "LT13", "ST05"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
