"""Models whose thoughts go back with a proof, which the provider may reject."""

import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from llm.adapter import C, SdkModel
from llm.faults import ModelRefused
from llm.model import AssistantMessage, ModelEvent, ModelMessage, ModelRequest, ThinkingPart

log = logging.getLogger(__name__)


class ProvenThoughts(SdkModel[C]):
    """See `SdkModel`; a turn that is refused for its thoughts is asked for once more without."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`.

        A thought is bound to the model and to all that stood before it. When the provider rejects
        one, because the history was shortened or another model wrote it, the turn is asked for once
        more without any: otherwise the conversation could never go on.
        """
        bare = without_thoughts(request)
        try:
            async with aclosing(super().stream(request)) as events:
                async for event in events:
                    yield event
        except ModelRefused as error:
            if not self._is_about_thoughts(error) or self._body(bare) == self._body(request):
                raise
            log.warning("thoughts_dropped", extra={"model": self.name})
        else:
            return
        async with aclosing(super().stream(bare)) as events:
            async for event in events:
                yield event

    @abstractmethod
    def _is_about_thoughts(self, error: ModelRefused) -> bool:
        """Whether the history's reasoning is refused."""


def without_thoughts(request: ModelRequest) -> ModelRequest:
    """The same request with no reasoning in its history."""
    return replace(request, messages=tuple(map(_thoughtless, request.messages)))


def _thoughtless(message: ModelMessage) -> ModelMessage:
    if not isinstance(message, AssistantMessage):
        return message
    return AssistantMessage(tuple(p for p in message.parts if not isinstance(p, ThinkingPart)))
