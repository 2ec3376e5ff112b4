"""OpenAI's Chat Completions API through its official SDK; compatible providers by their entry."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import openai

from llm.adapter import SdkModel
from llm.exchange import Reading, Sdk
from llm.model import ModelRequest
from llm.openai_client import openai_client
from llm.openai_reading import OpenAIReading
from llm.openai_request import request_body
from llm.wire import Response


class OpenAIModel(SdkModel[openai.AsyncOpenAI]):
    """A model behind Chat Completions."""

    sdk = Sdk(openai.APIError, openai.APIStatusError)

    def _connected(self, api_key: str) -> openai.AsyncOpenAI:
        client = openai_client(api_key, self._provider, self._patience)
        self._completions = client.chat.completions  # imported here, not in the first turn
        return client

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        return request_body(request, model=self._model, facts=self._facts, provider=self._provider)

    def _asked(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Response]:
        return self._completions.with_streaming_response.create(**body, stream=True)

    def _reading(self, now: datetime) -> Reading:
        return OpenAIReading(provider=self._provider.name, asked=self.name, now=now)
