"""From landed pages to a published snapshot: dbt, builds, retention, recovery."""
