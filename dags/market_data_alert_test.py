"""### Market data: test alert
Sends one alert through the channels of the deployment, from a worker with Airflow's own role, and resolves it. `mdw
acceptance --aws` triggers it; you can trigger it yourself to check that alerts arrive.
"""

from datetime import timedelta

from market_data import wiring
from market_data.operator import MdwOperator

DAG_ID = "market_data_alert_test"
KEY = "test:airflow"
TITLE = "Test alert by Airflow: nothing is wrong"

with wiring.market_data_dag(
    DAG_ID, schedule=None, late_after=timedelta(hours=1), doc=__doc__, is_paused_upon_creation=False
):
    MdwOperator(
        task_id="alert",
        calls=[
            ["notify", TITLE, "--severity", "info", "--key", KEY, "--json"],
            ["notify", TITLE, "--resolve", "--key", KEY, "--json"],
        ],
        role="transform",
        retries=2,
        execution_timeout=timedelta(minutes=10),
    )
