"""How long to wait for a provider, and trying a turn again while nothing of it has been yielded."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Self

from core.backoff import Backoff
from llm.faults import ModelUnavailable, StreamBroken
from llm.gate import Gate
from llm.model import ModelEvent
from llm.reading import Limits

log = logging.getLogger(__name__)

_SPREAD = (0.75, 1.0)  # only ever sooner: the caps are promises to the person who waits
_HASTY_S = 2.0  # a person waits while the first models of a list are tried


@dataclass(frozen=True)
class Patience:
    """How often a provider is asked, and how long is waited between attempts and between events.

    Waits between attempts grow from `first_s` by `factor` up to `cap_s`, each shortened by up to a
    quarter by chance. What a provider asks for is waited in full, up to `retry_after_cap_s`; a
    longer wait is left to the caller, who finds it in the error. No attempt starts when `budget_s`
    have passed since the first. `idle_s` is the longest silence within an answer: hidden reasoning
    sends nothing for a minute or more. `first_byte_s`, where it is set, is the longest one before
    a response begins.
    """

    attempts: int = 8
    budget_s: float = 100.0
    first_s: float = 0.5
    factor: float = 2.0
    cap_s: float = 15.0
    retry_after_cap_s: float = 30.0
    connect_s: float = 5.0
    idle_s: float = 90.0
    first_byte_s: float | None = None

    def limits(self, first_byte_s: float | None = None) -> Limits:
        """For one request to a model that may need `first_byte_s` to begin."""
        if self.first_byte_s is None:
            return Limits(first_byte_s=self.idle_s, idle_s=self.idle_s)
        longest_s = max(self.first_byte_s, first_byte_s or 0.0)
        return Limits(first_byte_s=min(longest_s, self.idle_s), idle_s=self.idle_s)

    def hasty(self, *, first_byte_s: float | None) -> Self:
        """For a model that others can stand in for: one quick second attempt, then the next one."""
        return replace(
            self,
            attempts=min(self.attempts, 2),
            budget_s=min(self.budget_s, _HASTY_S),
            retry_after_cap_s=min(self.retry_after_cap_s, _HASTY_S),
            connect_s=min(self.connect_s, _HASTY_S),
            first_byte_s=first_byte_s,
        )

    def wait_s(self, attempt: int, asked_s: float | None, *, spent_s: float) -> float | None:
        """Seconds before the attempt after the `attempt`-th (from 1); None: do not try again.

        `asked_s` is what the provider asked for, `spent_s` the time since the first attempt began.
        """
        if attempt >= self.attempts:
            return None
        backoff = Backoff(
            first_s=self.first_s, longest_s=self.cap_s, factor=self.factor, spread=_SPREAD
        )
        wait_s = backoff.wait_s(attempt, random.random)
        if asked_s is not None:
            if asked_s > self.retry_after_cap_s:
                return None
            wait_s = max(wait_s, asked_s)
        return wait_s if spent_s + wait_s <= self.budget_s else None


async def retrying(
    attempt: Callable[[], AsyncGenerator[ModelEvent, None]],
    patience: Patience,
    *,
    model: str,
    gate: Gate | None = None,
) -> AsyncGenerator[ModelEvent, None]:
    """The events of the first attempt that starts.

    Only `ModelUnavailable` is tried again, which promises that nothing was yielded; everything
    else goes to the caller. While the `gate` is closed nothing is attempted.
    """
    number = 0
    started_s = asyncio.get_running_loop().time()
    while True:
        number += 1
        try:
            if gate is not None:
                gate.check(model)
            async with aclosing(attempt()) as events:
                async for event in events:
                    yield event
        except ModelUnavailable as error:
            if gate is not None:
                gate.note(error)
            spent_s = asyncio.get_running_loop().time() - started_s
            wait_s = patience.wait_s(number, error.retry_after_s, spent_s=spent_s)
            if wait_s is None:
                raise
            log.warning(
                "model_retry",
                extra={"model": model, "attempt": number, "wait_s": wait_s, "why": str(error)},
            )
        except StreamBroken as error:
            if gate is not None:
                gate.note(error)
            raise
        else:
            return
        await asyncio.sleep(wait_s)
