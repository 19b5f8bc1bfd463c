"""The linter of macros (dbt_project/lint_macros.py) finds SQL that sqlfluff cannot see."""

import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.project import PROJECT


def lint(folder: Path, text: str) -> tuple[int, str]:
    file = folder / "macros.sql"
    file.write_text(text)
    ended = subprocess.run(
        [sys.executable, PROJECT / "dbt_project" / "lint_macros.py", file], capture_output=True, text=True, timeout=300
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "{%- do run_query('select max(version) from ' ~ table ~ ' where done = 1') -%}",
        "{%- set condition = 'valid_from_version > ' ~ version -%}",
        '{%- set names = "toString(" + name -%}',
        "{{ return('if({} > 0, 1, 0)'.format(name)) }}",
    ],
)
def test_sql_put_together_in_jinja_is_named(tmp_path: Path, statement: str) -> None:
    code, said = lint(tmp_path, f"{{%- macro newest(table, version, name) -%}}\n    {statement}\n{{%- endmacro -%}}\n")
    assert code == 1
    assert f"{tmp_path / 'macros.sql'}:2: SQL" in said


def test_messages_may_be_put_together(tmp_path: Path) -> None:
    code, said = lint(
        tmp_path,
        "{%- macro refuse_it(name) -%}\n"
        "    {%- do exceptions.raise_compiler_error('nothing was read from ' ~ name ~ ' or written') -%}\n"
        "    {%- do log('rows from ' ~ name, info=true) -%}\n"
        "{%- endmacro -%}\n"
        "{%- macro its_message(name) -%}\n    {{ return('read from ' ~ name) }}\n{%- endmacro -%}\n",
    )
    assert (code, said) == (0, "0 texts of SQL in macros linted, 0 not (NOT_LINTED)\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{%- macro rows_of(mart) -%}\n    SELECT day\n    from {{ mart }}\n{%- endmacro -%}\n", "2: rows_of: CP01"),
        (
            "{%- macro count(mart) -%}\n    {%- set query -%}\n        select day from {{ mart }}\n"
            "          where day > 0\n    {%- endset -%}\n    {{ return(scalar(query)) }}\n{%- endmacro -%}\n",
            "3: count.query: LT02",
        ),
        (
            "{%- macro close(mart) -%}\n    {%- call statement('close') -%}\n        insert into {{ mart }} (day)\n"
            "        select day from days where day > ) 1\n    {%- endcall -%}\n{%- endmacro -%}\n",
            "3: close.close: PRS",
        ),
        ("{%- macro is_open() -%}\n    valid_to  =  1\n{%- endmacro -%}\n", "2: is_open: LT01"),
        (
            "{%- macro is_new(all) -%}\n    {%- if all -%}\n    true\n    {%- else -%}\n    version >1\n"
            "    {%- endif -%}\n{%- endmacro -%}\n",
            "2: is_new: LT01",
        ),
        (
            "{%- macro newest() -%}\n    {{ return(scalar('select MAX(a)  from ops.builds')) }}\n{%- endmacro -%}\n",
            "2: newest: scalar: LT01",
        ),
    ],
    ids=["a macro", "a set block", "a call block", "a condition", "the other branch", "a string"],
)
def test_each_kind_of_text_is_linted(tmp_path: Path, text: str, problem: str) -> None:
    code, said = lint(tmp_path, text)
    assert code == 1
    assert f"{tmp_path / 'macros.sql'}:{problem}" in said
