"""What to watch, as numbers: for Prometheus on an endpoint, for CloudWatch by a push."""
