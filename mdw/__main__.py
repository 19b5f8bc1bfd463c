"""`python -m mdw` is `mdw`."""

from mdw.cli import main

main()
