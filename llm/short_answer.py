"""Asking a model for one short text, with no tools and no conversation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from core.usage import Usage
from llm.faults import ModelRefused, ModelUnavailable, StreamBroken
from llm.model import Model, ModelRequest, TextPart, TurnEnded, UserMessage

log = logging.getLogger(__name__)

Spend = Callable[[str, Usage], Awaitable[None]]
"""Counts what a request has taken of a model, by name."""


async def uncounted(model: str, usage: Usage) -> None:
    """Counts nothing."""


async def short_answer(
    model: Model, system: str, asked: str, *, max_tokens: int, spend: Spend = uncounted
) -> str:
    """What the model says to `asked`; "" where it says nothing.

    `spend` hears what that took, also of an answer that broke off, as far as the provider has said
    it; of one that is cancelled it hears nothing. Raises: as `Model.stream`.
    """
    request = ModelRequest(system, (UserMessage((TextPart(asked),)),), max_output_tokens=max_tokens)
    try:
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                if isinstance(event, TurnEnded):
                    parts = event.turn.message.parts
                    await spend(event.turn.model, event.turn.usage)
                    return "".join(part.text for part in parts if isinstance(part, TextPart))
    except StreamBroken as broken:
        if broken.usage.tokens:
            await spend(model.name, broken.usage)
        raise
    return ""


async def short_answer_within(  # noqa: PLR0913 - as above, and how long
    wait_s: float,
    model: Model,
    system: str,
    asked: str,
    *,
    max_tokens: int,
    spend: Spend = uncounted,
) -> str | None:
    """The same for what is done without it, too: None where the model does not answer in time."""
    try:
        async with asyncio.timeout(wait_s):
            return await short_answer(model, system, asked, max_tokens=max_tokens, spend=spend)
    except (ModelUnavailable, StreamBroken, ModelRefused, TimeoutError) as fault:
        log.warning("no_short_answer", extra={"model": model.name, "fault": type(fault).__name__})
        return None
