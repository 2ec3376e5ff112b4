"""Anthropic's Messages API through its official SDK; compatible providers by their entry."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Self

import anthropic

from core.clock import Clock, SystemClock
from llm.anthropic_reading import AnthropicReading
from llm.anthropic_request import request_body, without_thoughts
from llm.catalog import Catalog
from llm.exchange import Judge, Sdk, exchanged
from llm.faults import ModelRefused
from llm.gate import Gate
from llm.model import ModelEvent, ModelRequest
from llm.providers import ANTHROPIC, Provider
from llm.retry import Patience, retrying

log = logging.getLogger(__name__)

_SDK = Sdk(anthropic.APIError, anthropic.APIStatusError)


class AnthropicModel:
    """A model behind Messages.

    Close it, or use it as an async context manager, to free its connections.
    """

    def __init__(  # noqa: PLR0913 - what wiring decides, each with a default
        self,
        model: str,
        *,
        api_key: str,
        provider: Provider = ANTHROPIC,
        catalog: Catalog | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._model = model
        self._clock = clock or SystemClock()
        self._gate = Gate(self._clock)
        self._provider = provider
        self._facts = (catalog or Catalog.default()).facts(f"{provider.name}/{model}")
        self._patience = patience or Patience()
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=provider.base_url,
            max_retries=0,  # `retrying` knows the rules of the port
            timeout=anthropic.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
        )
        self._messages = self._client.messages  # imported on first use: not within the first turn

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self._provider.name}/{self._model}"

    @property
    def context_window(self) -> int:
        """As the catalog says."""
        return self._facts.context_window

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`.

        A thought is bound to the model and to all that stood before it. When the provider rejects
        one, because the history was shortened or another model wrote it, the turn is asked for once
        more without any: otherwise the conversation could never go on.
        """
        bare = without_thoughts(request)
        try:
            async with aclosing(self._retrying(request)) as events:
                async for event in events:
                    yield event
        except ModelRefused as error:
            if not _is_about_thoughts(error) or self._body(bare) == self._body(request):
                raise
            log.warning("thoughts_dropped", extra={"model": self.name})
        else:
            return
        async with aclosing(self._retrying(bare)) as events:
            async for event in events:
                yield event

    def _retrying(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        return retrying(
            lambda: self._attempt(request), self._patience, model=self.name, gate=self._gate
        )

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        return request_body(request, model=self._model, facts=self._facts, provider=self._provider)

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        now = self._clock.now()
        body = self._body(request)
        events = exchanged(
            self._messages.with_streaming_response.create(**body, stream=True),
            AnthropicReading(provider=self._provider.name, asked=self.name, now=now),
            facts=self._facts,
            limits=self._patience.limits(self._facts.first_byte_s),
            judge=Judge(self.name, self._clock, self._provider),
            sdk=_SDK,
        )
        async with aclosing(events):
            async for event in events:
                yield event


def _is_about_thoughts(error: ModelRefused) -> bool:
    """Whether the history's reasoning is refused; the API has only a sentence for it."""
    return type(error) is ModelRefused and "thinking" in str(error)
