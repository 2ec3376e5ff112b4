"""Anthropic's Messages API through its official SDK; compatible providers by their entry."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from typing import Any

import anthropic

from llm.adapter import SdkModel
from llm.anthropic_reading import AnthropicReading
from llm.anthropic_request import request_body, without_thoughts
from llm.exchange import Reading, Sdk
from llm.faults import ModelRefused
from llm.model import ModelEvent, ModelRequest
from llm.wire import Response

log = logging.getLogger(__name__)


class AnthropicModel(SdkModel[anthropic.AsyncAnthropic]):
    """A model behind Messages."""

    sdk = Sdk(anthropic.APIError, anthropic.APIStatusError)

    def _connected(self, api_key: str) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=self._provider.base_url,
            max_retries=0,
            timeout=anthropic.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
            http_client=anthropic.DefaultAioHttpClient(),
        )
        self._messages = client.messages  # imported on first use: not within the first turn
        return client

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
            if not _is_about_thoughts(error) or self._body(bare) == self._body(request):
                raise
            log.warning("thoughts_dropped", extra={"model": self.name})
        else:
            return
        async with aclosing(super().stream(bare)) as events:
            async for event in events:
                yield event

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        return request_body(request, model=self._model, facts=self._facts, provider=self._provider)

    def _asked(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Response]:
        return self._messages.with_streaming_response.create(**body, stream=True)

    def _reading(self, now: datetime) -> Reading:
        return AnthropicReading(provider=self._provider.name, asked=self.name, now=now)


def _is_about_thoughts(error: ModelRefused) -> bool:
    """Whether the history's reasoning is refused; the API has only a sentence for it."""
    return type(error) is ModelRefused and "thinking" in str(error)
