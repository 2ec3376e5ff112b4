"""How long to wait for a provider, and trying a turn again while nothing of it has been yielded."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from llm.faults import ModelUnavailable
from llm.model import ModelEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How often a provider is asked, and how long is waited between attempts and between events.

    Waits between attempts grow from `first_s` by `factor` up to `cap_s`, each shortened by up to a
    quarter by chance. A provider's `retry-after` is honoured up to `retry_after_cap_s`; a longer
    one is left to the caller, who finds it in the error. No attempt starts when `budget_s` have
    passed since the first. `idle_s` is the longest silence before and within an answer: hidden
    reasoning sends nothing for a minute or more.
    """

    attempts: int = 8
    budget_s: float = 100.0
    first_s: float = 0.5
    factor: float = 2.0
    cap_s: float = 15.0
    retry_after_cap_s: float = 30.0
    connect_s: float = 5.0
    idle_s: float = 90.0

    def wait_s(self, attempt: int, asked_s: float | None, *, spent_s: float) -> float | None:
        """Seconds before the attempt after the `attempt`-th (from 1); None: do not try again.

        `asked_s` is what the provider asked for, `spent_s` the time since the first attempt began.
        """
        if attempt >= self.attempts:
            return None
        whole = min(self.cap_s, self.first_s * self.factor ** (attempt - 1))
        wait_s = whole * (1 - random.random() / 4)  # noqa: S311 - spreads load, guards nothing
        if asked_s is not None:
            if asked_s > self.retry_after_cap_s:
                return None
            wait_s = asked_s
        return wait_s if spent_s + wait_s <= self.budget_s else None


async def retrying(
    attempt: Callable[[], AsyncGenerator[ModelEvent, None]], patience: Patience, *, model: str
) -> AsyncGenerator[ModelEvent, None]:
    """The events of the first attempt that starts.

    Only `ModelUnavailable` is tried again, which promises that nothing was yielded; everything
    else goes to the caller.
    """
    number = 0
    started_s = asyncio.get_running_loop().time()
    while True:
        number += 1
        try:
            async with aclosing(attempt()) as events:
                async for event in events:
                    yield event
        except ModelUnavailable as error:
            spent_s = asyncio.get_running_loop().time() - started_s
            wait_s = patience.wait_s(number, error.retry_after_s, spent_s=spent_s)
            if wait_s is None:
                raise
            log.warning(
                "model_retry",
                extra={"model": model, "attempt": number, "wait_s": wait_s, "why": str(error)},
            )
        else:
            return
        await asyncio.sleep(wait_s)
