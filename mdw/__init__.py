"""mdw: the command line of the market data warehouse, used by people and by the DAGs."""
