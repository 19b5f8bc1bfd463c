"""Metrics: an endpoint for Prometheus, and a push to CloudWatch."""
