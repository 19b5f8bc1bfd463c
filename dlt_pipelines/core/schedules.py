"""When the DAGs run unless the universe says otherwise: cron expressions in UTC."""

UPDATE = "*/15 * * * *"
DAILY = "30 1 * * *"
