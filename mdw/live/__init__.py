"""The command `mdw live`: signals, status on a terminal or a pipe, and the probe's report."""
