"""When the next attempt starts: exponential backoff with jitter, or what the step asked for."""

import math
import random
from dataclasses import dataclass

from core.backoff import Backoff
from engine.duration import Duration, seconds_of
from engine.judging import check_number

MAX_ATTEMPTS = 21  # the first and 20 retries, Inngest's bound


@dataclass(frozen=True)
class RetryPolicy:
    """In Trigger.dev's words: failure n (from 1) waits `min_timeout * factor**(n-1)`.

    No wait is longer than `max_timeout`; `max_attempts` counts the first. With `randomize` each
    wait is spread by ±25 %, at the bound below it, so that failing runs do not come back together.
    """

    max_attempts: int = 5
    factor: float = 2.0
    min_timeout: Duration = 1.0
    max_timeout: Duration = 3600.0
    randomize: bool = True

    @classmethod
    def of(cls, retries: "int | RetryPolicy") -> "RetryPolicy":
        """The policy of a job, for which a number counts retries. Raises: ValueError."""
        if isinstance(retries, RetryPolicy):
            retries.check()
            return retries
        if isinstance(retries, bool) or not isinstance(retries, int):  # pyright: ignore[reportUnnecessaryIsInstance] - users may
            raise ValueError(f"retries is a whole number or a RetryPolicy(…), not {retries!r}")  # noqa: TRY004 - judged like the rest
        if retries < 0:
            raise ValueError(f"retries are 0 to {MAX_ATTEMPTS - 1}, not {retries}")
        policy = RetryPolicy(max_attempts=retries + 1)
        policy.check()
        return policy

    def check(self) -> None:
        """Raise ValueError where the numbers make no sense."""
        check_number("max_attempts of a RetryPolicy", self.max_attempts)
        if self.max_attempts > MAX_ATTEMPTS:
            raise ValueError(f"retries are 0 to {MAX_ATTEMPTS - 1}, not {self.max_attempts - 1}")
        if isinstance(self.factor, str) or not 1 <= self.factor < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance] - users may
            raise ValueError(f"a backoff factor is at least 1, not {self.factor}")
        if seconds_of(self.max_timeout) < seconds_of(self.min_timeout):
            raise ValueError("max_timeout is less than min_timeout")

    def backoff_s(self, failed_attempts: int) -> float:
        """Seconds to wait after the `failed_attempts`-th failure (from 1)."""
        backoff = Backoff(
            first_s=seconds_of(self.min_timeout),
            longest_s=seconds_of(self.max_timeout),
            factor=self.factor,
        )
        if not self.randomize:
            return backoff.whole_s(failed_attempts)
        return backoff.wait_s(failed_attempts, random.random)
