"""Measurements: `python -m benchmarks NAME …` runs the named ones, else all. Figures go to docs/performance.md."""
