"""The command line: one module for each group of commands, their shared options, and the entry point."""
