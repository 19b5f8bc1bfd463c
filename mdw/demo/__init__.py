"""The whole line in one go: land, build, audit, publish, backtest, and prove that it repeats."""

from mdw.demo.run import run_demo

__all__ = ["run_demo"]
