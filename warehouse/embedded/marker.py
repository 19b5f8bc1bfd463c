"""The text that identifies the serving query among running queries."""

SERVING = "mdw embedded server"
