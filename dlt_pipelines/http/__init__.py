"""Requests to venues: clients, responses, rate limits, retries, the venue's clock."""
