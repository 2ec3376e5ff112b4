"""Asking a model for one short text, with no tools and no conversation."""

from contextlib import aclosing

from llm.model import Model, ModelRequest, TextPart, TurnEnded, UserMessage


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
