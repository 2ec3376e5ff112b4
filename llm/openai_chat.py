"""OpenAI's Chat Completions API through its official SDK; compatible providers by their entry."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

import openai

from core.clock import Clock, SystemClock
from llm.catalog import Catalog
from llm.exchange import Judge, Sdk, exchanged
from llm.gate import Gate
from llm.model import ModelEvent, ModelRequest
from llm.openai_reading import OpenAIReading
from llm.openai_request import request_body
from llm.providers import OPENAI, Provider
from llm.retry import Patience, retrying

_SDK = Sdk(openai.APIError, openai.APIStatusError)


class OpenAIModel:
    """A model behind Chat Completions. Close it, or use it as an async context manager."""

    def __init__(  # noqa: PLR0913 - what wiring decides, each with a default
        self,
        model: str,
        *,
        api_key: str,
        provider: Provider = OPENAI,
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
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=provider.base_url,
            max_retries=0,  # `retrying` knows the rules of the port
            timeout=openai.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
        )
        self._completions = self._client.chat.completions  # imported here, not in the first turn

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
        """See `Model.stream`."""
        events = retrying(
            lambda: self._attempt(request), self._patience, model=self.name, gate=self._gate
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        now = self._clock.now()
        body = request_body(request, model=self._model, facts=self._facts, provider=self._provider)
        events = exchanged(
            self._completions.with_streaming_response.create(**body, stream=True),
            OpenAIReading(provider=self._provider.name, asked=self.name, now=now),
            facts=self._facts,
            limits=self._patience.limits(self._facts.first_byte_s),
            judge=Judge(self.name, self._clock, self._provider),
            sdk=_SDK,
        )
        async with aclosing(events):
            async for event in events:
                yield event
