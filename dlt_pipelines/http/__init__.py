"""One request to a venue: client, response, rate limits, retries, the venue's clock."""
