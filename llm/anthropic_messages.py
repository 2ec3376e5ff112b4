"""Anthropic's Messages API through its official SDK; compatible providers by their entry."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import anthropic

from llm.anthropic_reading import AnthropicReading
from llm.anthropic_request import request_body
from llm.exchange import Reading, Sdk
from llm.faults import ModelRefused
from llm.model import ModelRequest
from llm.proven_thoughts import ProvenThoughts
from llm.wire import Response


class AnthropicModel(ProvenThoughts[anthropic.AsyncAnthropic]):
    """A model behind Messages."""

    sdk = Sdk(anthropic.APIError, anthropic.APIStatusError)

    def _connected(self, api_key: str) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=self._provider.base_url,
            max_retries=0,
            # Silence is judged by `exchanged`: a timer of aiohttp costs as much as reading a token.
            timeout=anthropic.Timeout(None, connect=self._patience.connect_s),
            http_client=anthropic.DefaultAioHttpClient(),
        )
        self._messages = client.messages  # imported on first use: not within the first turn
        return client

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        return request_body(request, model=self._model, facts=self._facts, provider=self._provider)

    def _asked(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Response]:
        return self._messages.with_streaming_response.create(**body, stream=True)

    def _reading(self, now: datetime) -> Reading:
        return AnthropicReading(provider=self._provider.name, asked=self.name, now=now)

    def _is_about_thoughts(self, error: ModelRefused) -> bool:
        """The API has only a sentence for it."""
        return type(error) is ModelRefused and "thinking" in str(error)
