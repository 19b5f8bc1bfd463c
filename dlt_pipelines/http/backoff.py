"""How long to wait before a request is retried."""

from tenacity import RetryCallState
from tenacity.wait import wait_base, wait_random_exponential

from dlt_pipelines.core.errors import RateLimited

_MAX_SECONDS = 15


class Backoff(wait_base):
    """Retry-After if the venue sent it, else exponential with full jitter."""

    def __init__(self, first_seconds: float) -> None:
        self._jitter = wait_random_exponential(multiplier=first_seconds, max=_MAX_SECONDS)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds before the next attempt."""
        error = retry_state.outcome.exception() if retry_state.outcome else None
        waits = self._jitter(retry_state)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            return error.retry_after + min(waits, 1.0)
        return waits
