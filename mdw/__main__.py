"""`python -m mdw` is `mdw`."""

from mdw.cli.entry_point import main

main()
