"""Extract and load: exchange pages, exactly as sent, into `raw` of the warehouse.

Never imports airflow, mdw or dbt (a lint rule says so): it runs wherever Python runs.
"""
