"""Runs Elementary's CLI on a copy of its dbt project: `python -m mdw.reports.elementary_cli COPY ARGUMENT…`.

The CLI installs packages inside its own folder in site-packages, and checks for its newest version on PyPI when it is
imported. Here it finds the packages in the copy, and makes no request.
"""

import sys

from elementary.cli import upgrade
from elementary.monitor import dbt_project_utils


def main() -> None:
    """Run the CLI; the first argument is the copy, the others are the CLI's own."""
    dbt_project_utils.CLI_DBT_PROJECT_PATH = sys.argv.pop(1)
    upgrade.recommend_version_upgrade = lambda: None
    from elementary.cli.cli import cli

    cli()


if __name__ == "__main__":
    main()
