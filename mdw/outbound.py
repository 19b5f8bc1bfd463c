"""HTTP requests of our own tools (alerts, acceptance): bounded in bytes and seconds, and never redirected."""

import threading
import urllib.error
import urllib.request
from typing import Any


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an HTTPError: following it would hand a token or a message to an address that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def ask(request: urllib.request.Request, seconds: float, most_bytes: int = 0) -> bytes:
    """The body of the answer, of at most `most_bytes` (0: it is not read), all of it within `seconds`.

    A time limit of a socket starts anew with each byte, so the request runs in a thread that is given up after
    `seconds`. Raises urllib.error.HTTPError for a status of 300 and above, TimeoutError, ValueError for a body that is
    longer, OSError.
    """
    found: list[bytes | BaseException] = []

    def work() -> None:
        try:
            with _OPENER.open(request, timeout=seconds) as answer:
                found.append(answer.read(most_bytes + 1) if most_bytes else b"")
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError(f"no whole answer within {seconds:g} s")
    if isinstance(found[0], BaseException):
        raise found[0]
    if len(found[0]) > most_bytes:
        raise ValueError(f"the answer has more than {most_bytes:,} bytes")
    return found[0]
