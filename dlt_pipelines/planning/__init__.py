"""What to fetch: the universe minus what has landed, by the cheapest lane."""
