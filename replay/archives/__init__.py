"""The venues' bulk archives: zips generated from the market on demand, and faults ("tricks") that tests can inject."""
