"""The venues' WebSocket protocols on the clock and the market of the REST endpoints, whose history is the truth.

What goes wrong is declared in `faults.py` (by share and seed) and ordered while it runs through `Sockets`.
"""
