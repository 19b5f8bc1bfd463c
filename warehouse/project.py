"""Where this project's files are. Only the standard library: Airflow's environment on MWAA imports this."""

from pathlib import Path

# The folder that contains our packages: a checkout, a release, or site-packages.
CODE = Path(__file__).resolve().parent.parent
# The folder that contains what is not Python: dbt_project/, elementary/, config/, runbooks/, docs/. A wheel has them
# inside this package (pyproject.toml, `sources`).
PROJECT = CODE if (CODE / "dbt_project").is_dir() else Path(__file__).resolve().parent / "project_files"
