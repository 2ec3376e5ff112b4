"""Asking a model for one short text, with no tools and no conversation."""

import asyncio
import logging
from contextlib import aclosing

from llm.faults import ModelRefused, ModelUnavailable, StreamBroken
from llm.model import Model, ModelRequest, TextPart, TurnEnded, UserMessage

log = logging.getLogger(__name__)


async def short_answer(model: Model, system: str, asked: str, *, max_tokens: int) -> str:
    """What the model says to `asked`; "" where it says nothing.

    Raises: as `Model.stream`.
    """
    request = ModelRequest(system, (UserMessage((TextPart(asked),)),), max_output_tokens=max_tokens)
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, TurnEnded):
                parts = event.turn.message.parts
                return "".join(part.text for part in parts if isinstance(part, TextPart))
    return ""


async def short_answer_within(
    wait_s: float, model: Model, system: str, asked: str, *, max_tokens: int
) -> str | None:
    """The same for what is done without it, too: None where the model does not answer in time."""
    try:
        async with asyncio.timeout(wait_s):
            return await short_answer(model, system, asked, max_tokens=max_tokens)
    except (ModelUnavailable, StreamBroken, ModelRefused, TimeoutError) as fault:
        log.warning("no_short_answer", extra={"model": model.name, "fault": type(fault).__name__})
        return None
