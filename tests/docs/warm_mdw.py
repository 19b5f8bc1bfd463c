"""`mdw` for many calls: imported once and forked for each, with the caller's arguments, folder, environment and files.

python -m tests.docs.warm_mdw SOCKET serves; `write_program` makes the `mdw` that a shell finds on its PATH.
"""

import json
import os
import socket
import sys
from importlib import import_module
from pathlib import Path

# Imported by most commands; they import the rest in their fork.
_WARM = (
    "clickhouse_connect.driver.client",
    "dlt_pipelines.backfill",
    "mdw.reports.data_quality",
    "mdw.cli.entry_point",
)
_CALL = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode() + b"\\n"
    socket.send_fds(server, [b"x"], [0, 1, 2])
    server.sendall(call)
    sys.exit(int(server.makefile().read() or 1))
"""


def write_program(folder: Path, address: Path) -> None:
    """The `mdw` in a folder at the front of the PATH."""
    program = folder / "mdw"
    program.write_text(_CALL.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)


def serve(address: str) -> None:
    """Serve calls until the process is ended."""
    for name in _WARM:
        import_module(name)
    main = import_module("mdw.cli.entry_point").main

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(8)
        while True:
            caller, _ = listener.accept()
            child = os.fork()
            if child == 0:
                with caller:
                    _answer(caller, main)
            caller.close()
            os.waitpid(child, 0)


def _answer(caller: socket.socket, main: object) -> None:
    """A grandchild runs the command, so that one that replaces itself (`mdw dbt`) still has its exit code sent."""
    _, files, _, _ = socket.recv_fds(caller, 1, 3)
    arguments, folder, environment = json.loads(caller.makefile().readline())
    command = os.fork()
    if command == 0:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments
        assert callable(main)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(command, 0)
    caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
