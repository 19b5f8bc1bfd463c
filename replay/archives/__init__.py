"""The venues' bulk archives: zips made from the market on demand, and the tricks that a test may ask for."""
