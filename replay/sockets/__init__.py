"""The venues' WebSocket protocols, with the clock and market of the REST endpoints, whose history is authoritative.

Faults are declared in `faults.py` (by share and seed), and injected at run time through `Sockets`.
"""
