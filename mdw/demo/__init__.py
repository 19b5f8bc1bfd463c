"""The demo: land, build, audit, publish, and run a backtest twice to prove that it is reproducible."""

from mdw.demo.run import run_demo

__all__ = ["run_demo"]
