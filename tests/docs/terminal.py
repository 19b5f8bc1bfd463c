"""A terminal of 80 columns."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

from warehouse.project import PROJECT

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(command: Sequence[str], environment: Mapping[str, str], columns: int = 80) -> tuple[int, str]:
    """Exit code of a command and everything that it shows, without escape sequences."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    plain = {**environment, "TERM": "xterm-256color", "NO_COLOR": "1"}
    with subprocess.Popen(command, env=plain, cwd=PROJECT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    return process.returncode, _STYLE.sub("", shown.decode().replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # The last program with it open has ended.
        return b""
