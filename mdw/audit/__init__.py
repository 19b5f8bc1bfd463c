"""Audits from the command line: run them, show what they found, repair or withhold what is bad."""
