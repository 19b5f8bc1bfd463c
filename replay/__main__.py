"""`python -m replay`: serve a market until interrupted, and print the environment that sends the warehouse there."""

import argparse
import signal
import sys
from pathlib import Path

from replay.clock import Clock, parse_instant
from replay.faults import KINDS, Faults
from replay.market import Market
from replay.recordings import RecordedMarket
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket

READY = "# ready"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m replay", description=__doc__)
    source = found.add_mutually_exclusive_group(required=True)
    source.add_argument("--recordings", type=Path, metavar="PATH", help="folder of real recordings")
    source.add_argument("--synthetic", action="store_true", help="a market generated from a seed")
    found.add_argument("--seed", type=int, default=7, help="seed of the synthetic market (default 7)")
    found.add_argument("--now", metavar="ISO", help="the exchanges' time, with time zone; default: this machine's")
    found.add_argument("--standing", action="store_true", help="stop the clock")
    found.add_argument("--speed", type=float, default=1.0, help="market seconds per real second")
    found.add_argument("--port", type=int, default=0, help="default: a free one")
    found.add_argument("--delay-seconds", type=float, default=0.0, help="added to every response")
    found.add_argument("--limits", action="store_true", help="enforce the venues' documented limits")
    found.add_argument("--fault-rate", type=float, default=0.0, help="share of requests that fail")
    found.add_argument("--fault-kinds", nargs="+", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    found.add_argument("--fault-seed", type=int, default=0)
    found.add_argument(
        "--okx-funding-days", type=int, default=92, help="reach of OKX's funding history; 0 lifts the limit"
    )
    return found


def server(options: argparse.Namespace) -> ReplayServer:
    """The server for these options; raises ValueError or FileNotFoundError on bad input."""
    market: Market = SyntheticMarket(options.seed) if options.synthetic else RecordedMarket(options.recordings)
    now_ms = Clock.real().now_ms() if options.now is None else parse_instant(options.now)
    faults = Faults(rate=options.fault_rate, seed=options.fault_seed)
    if options.fault_kinds:
        faults.kinds = tuple(options.fault_kinds)
    return ReplayServer(
        market,
        clock=Clock(now_ms, ticking=not options.standing, speed=options.speed),
        port=options.port,
        faults=faults,
        limits=options.limits,
        delay_seconds=options.delay_seconds,
        okx_funding_days=options.okx_funding_days or None,
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Exit code 2: bad input, 1: the port is taken."""
    try:
        replay = server(parser().parse_args(arguments))
    except (ValueError, FileNotFoundError) as problem:
        return _fail(str(problem), 2)
    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        replay.start()
    except OSError as problem:
        return _fail(f"{problem.strerror or problem}: choose another --port, or leave it out for a free one", 1)
    lines = [f"# replay of {replay.market_name} on {replay.url}"]
    lines += [f"{name}={url}" for name, url in replay.environment.items()]
    sys.stdout.write("\n".join([*lines, READY, ""]))
    sys.stdout.flush()
    signal.sigwait(stop)
    replay.stop()
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"replay: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
