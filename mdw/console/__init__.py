"""Output on a terminal: tables, JSON, the progress of a landing."""
