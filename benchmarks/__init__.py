"""Benchmarks: `python -m benchmarks NAME …` runs the named ones, else all. Results go to docs/performance.md."""
