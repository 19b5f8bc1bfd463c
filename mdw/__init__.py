"""mdw: the command line of the market data warehouse, for people and for DAGs."""
