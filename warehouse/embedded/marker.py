"""The words by which the serving query is found among the running ones."""

SERVING = "mdw embedded server"
