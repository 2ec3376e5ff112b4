"""OpenAI's Responses API through its official SDK, where the model table says so."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import openai

from llm.exchange import Reading, Sdk
from llm.faults import ModelRefused
from llm.model import ModelRequest
from llm.openai_client import openai_client
from llm.proven_thoughts import ProvenThoughts
from llm.responses_reading import ResponsesReading
from llm.responses_request import request_body
from llm.wire import Response


class ResponsesModel(ProvenThoughts[openai.AsyncOpenAI]):
    """A model behind Responses; nothing is stored at the provider."""

    sdk = Sdk(openai.APIError, openai.APIStatusError)

    def _connected(self, api_key: str) -> openai.AsyncOpenAI:
        client = openai_client(api_key, self._provider, self._patience)
        self._responses = client.responses  # imported here, not in the first turn
        return client

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        return request_body(request, model=self._model, facts=self._facts, provider=self._provider)

    def _asked(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Response]:
        return self._responses.with_streaming_response.create(**body, stream=True)

    def _reading(self, now: datetime) -> Reading:
        return ResponsesReading(provider=self._provider.name, asked=self.name, now=now)

    def _is_about_thoughts(self, error: ModelRefused) -> bool:
        """The proof cannot be opened, or its item is not taken where it stands."""
        text = str(error).lower()
        return type(error) is ModelRefused and ("encrypted" in text or "reasoning" in text)
