"""dbt on a real ClickHouse, as the tests of the project have it."""

from tests.dbt.conftest import dbt, module_dbt

__all__ = ["dbt", "module_dbt"]
