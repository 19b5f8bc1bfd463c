"""HTTP requests of our own tools (alerts, acceptance): limited in size and time, and never redirected."""

import threading
import urllib.error
import urllib.request
from typing import Any


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects raise HTTPError: following one would send a token or a message to an address that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def fetch(request: urllib.request.Request, seconds: float, max_bytes: int = 0) -> bytes:
    """The response body of at most `most_bytes` (0: it is not read), received within `seconds` in total.

    A socket timeout restarts with each byte, so the request runs in a thread that is abandoned after `seconds`.
    Raises urllib.error.HTTPError for a status of 300 and above, TimeoutError, ValueError for a longer body, OSError.
    """
    found: list[bytes | BaseException] = []

    def work() -> None:
        try:
            with _OPENER.open(request, timeout=seconds) as answer:
                found.append(answer.read(max_bytes + 1) if max_bytes else b"")
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError(f"no complete response within {seconds:g} s")
    if isinstance(found[0], BaseException):
        raise found[0]
    if len(found[0]) > max_bytes:
        raise ValueError(f"the response has more than {max_bytes:,} bytes")
    return found[0]
