"""Airflow on MWAA: templates, startup script and `python -m infra.mwaa.deploy`."""
