"""Everything that pages mention exists: commands, their options, and the pages that pages and alarms refer to."""

import re
from pathlib import Path

import pytest
import typer.main

from infra.mwaa.deployment.template import load_yaml
from mdw.cli.entry_point import app
from tests.docs.commands import PAGES, Shown, shown
from warehouse.project import PROJECT

COMMANDS = sorted(set(shown()), key=str)
ROOT = typer.main.get_command(app)
# Folders that dbt writes to in the project.
WRITTEN = {"target", "logs", "dbt_packages"}
RUNBOOK = re.compile(r"runbooks/[a-z_]+\.md")


def problem(command: Shown) -> str | None:
    """The parts that do not exist."""
    found, words = ROOT, list(command.words)
    # Pages also mention a whole group, as in `mdw snapshot`.
    while hasattr(found, "commands") and words and words != ["--help"]:
        if words[0] not in found.commands:
            return f"no command {words[0]!r}; there are {', '.join(found.commands)}"
        found = found.commands[words.pop(0)]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    named = {word.split("=")[0].strip("[]…,") for word in words}
    missing = sorted(name for name in named if name.startswith("--") and name not in known | {"--help"})
    return f"no option {', '.join(missing)}" if missing else None


def test_pages_show_commands():
    assert len(COMMANDS) > 80
    # On the operator machine the same program runs with a role.
    guide = {one.text for one in COMMANDS if one.page.name == "aws_deployment.md"}
    assert "mdw backtest --snapshot-id history-1 --out first" in guide
    assert "mdw migrate" in guide


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_and_options_exist(command: Shown):
    assert problem(command) is None


def test_a_command_that_does_not_exist_is_noticed():
    page = Path("page.md")
    assert "no command 'snapshots'" in (problem(Shown(page, "", ("snapshots",))) or "")
    assert problem(Shown(page, "", ("build", "--snapshot", "x"))) == "no option --snapshot"


def links(page: Path) -> set[Path]:
    """Files of this repository that a page links to."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    return {(page.parent / target).resolve() for target in targets if "://" not in target}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_to_files(page: Path):
    assert not [str(target) for target in links(page) if not target.exists()]


def test_every_runbook_is_in_the_list_of_runbooks():
    folder = PROJECT / "runbooks"
    assert set(folder.glob("*.md")) - {folder / "README.md"} == links(folder / "README.md")


@pytest.mark.parametrize("name", ["mdw", "dags", "infra", "dbt_project", "dlt_pipelines", "warehouse"])
def test_a_runbook_that_code_names_exists(name: str):
    suffixes = (".py", ".yaml", ".sql", ".yml", ".sh", ".md")
    files = [path for path in (PROJECT / name).rglob("*") if path.suffix in suffixes and not WRITTEN & {*path.parts}]
    named = {found for path in files for found in RUNBOOK.findall(path.read_text())}
    assert not [page for page in named if not (PROJECT / page).exists()]


def test_every_alarm_names_its_runbook():
    alarms = {
        resource["Properties"]["AlarmName"]["Fn::Sub"]: resource["Properties"]["AlarmDescription"]
        for path in PROJECT.glob("infra/*/templates/*.yaml")
        for resource in load_yaml(path.read_text())["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert len(alarms) >= 9
    assert not [name for name, description in alarms.items() if not RUNBOOK.search(str(description))]
