"""What the DAG files share: the operator that calls `mdw`, defaults, alerts, and the universe as DAGs need it."""
