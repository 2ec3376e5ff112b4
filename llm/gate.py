"""Until when a provider has forbidden to ask a model again: all turns of a process keep to it."""

from datetime import timedelta

from core.clock import Clock
from llm.faults import ModelUnavailable, RateLimited, StreamBroken

LONGEST_S = 900.0  # then one request looks again: who tops up an account need not restart anything


class Gate:
    """Closed from a provider's `retry-after` until it has passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opens_s = 0.0  # on the monotonic clock
        self._retry_at = clock.now()
        self._cause: ModelUnavailable | StreamBroken | None = None

    def note(self, error: ModelUnavailable | StreamBroken) -> None:
        """Close for as long as the provider asked."""
        if not error.retry_after_s:
            return
        opens_s = self._clock.monotonic() + min(error.retry_after_s, LONGEST_S)
        if opens_s > self._opens_s:
            self._opens_s = opens_s
            self._retry_at = self._clock.now() + timedelta(seconds=error.retry_after_s)
            self._cause = error

    def check(self, model: str) -> None:
        """Raises: ModelUnavailable, of the kind that closed it, while it is closed."""
        left_s = self._opens_s - self._clock.monotonic()
        if left_s <= 0 or self._cause is None:
            return
        told_s = max(left_s, (self._retry_at - self._clock.now()).total_seconds())
        if isinstance(self._cause, ModelUnavailable):
            text, kind = str(self._cause), type(self._cause)
        else:
            text, kind = f"{model} cannot answer now: {self._cause}", RateLimited
        raise kind(text, retry_after_s=told_s, retry_at=self._retry_at)
