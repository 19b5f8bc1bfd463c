"""What every phase shares: series, time grid, raw page, errors, the protocols of venues and archives."""
