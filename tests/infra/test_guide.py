"""What the pages tell people to type: every `python -m infra.mwaa.deploy …` exists with its options, and so does every
secret, bucket key and script that they name."""

import re
from pathlib import Path

import pytest
import typer.main

from infra.mwaa import deploy
from warehouse.project import PROJECT

PAGES = sorted([*PROJECT.glob("docs/*.md"), *PROJECT.glob("runbooks/*.md"), *PROJECT.glob("infra/**/*.md")])
COMMAND = re.compile(r"python -m infra\.mwaa\.deploy ([a-z-]+)([^`\n#]*)")
ROOT = typer.main.get_command(deploy.app)


def shown() -> list[tuple[str, str, str]]:
    return [
        (page.name, name, rest)
        for page in PAGES
        for name, rest in COMMAND.findall(page.read_text())
        if name != "deploy.py"
    ]


def test_every_deployment_command_of_the_pages_exists_with_its_options() -> None:
    found = shown()
    assert {name for _, name, _ in found} >= {"validate", "deploy", "status", "operator", "rotate", "cloud-users"}
    for page, name, rest in found:
        assert name in ROOT.commands, (page, name)  # type: ignore[attr-defined]
        command = ROOT.commands[name]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in known, (page, name, option)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_of_the_machine_that_a_page_names_exist(page: Path) -> None:
    for script in re.findall(r"/opt/mdw/clickhouse/(bin/[a-z]+\.sh)", page.read_text()):
        assert (PROJECT / "infra/clickhouse" / script).exists(), script


def test_every_alarm_names_a_runbook_that_exists() -> None:
    for template in PROJECT.glob("infra/*/templates/*.yaml"):
        for line in re.findall(r"AlarmDescription: (.+)", template.read_text()):
            pages = re.findall(r"runbooks/[a-z_]+\.md", line)
            assert pages, line
            assert all((PROJECT / page).exists() for page in pages), line


def test_nothing_is_promised_of_what_cannot_be_seen_here() -> None:
    """The guide's table has all nineteen findings, each with what was run."""
    rows = re.findall(
        r"^\| (\d+) \| .+ \| .+ \| .+ \| .+ \| .+ \|$", (PROJECT / "infra/README.md").read_text(), re.MULTILINE
    )
    assert [int(row) for row in rows] == list(range(1, 20))


def test_each_line_of_the_guide_that_only_aws_can_run_says_what_to_expect() -> None:
    guide = (PROJECT / "docs/aws_deployment.md").read_text()
    table = guide.partition("## Only with AWS")[2].partition("\n## ")[0]
    expected = {cells[1].strip(): cells[2].strip() for row in table.splitlines() if len(cells := row.split("|")) == 4}
    lines = set(re.findall(r"(?<![-\w/])((?:aws [a-z0-9-]+|docker) [a-z0-9-]+)", guide)) - {"aws sso login"}
    assert {"aws ssm start-session", "aws s3 cp", "docker push"} <= lines
    for line in sorted(lines):
        said = [text for step, text in expected.items() if f"`{line}`" in step]
        assert any(said), line
