"""Alerts: what is wrong reaches people once, with the page that says what to do, and its end is said, too."""
