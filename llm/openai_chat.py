"""OpenAI's Chat Completions API through its official SDK; compatible providers by their entry."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime

import openai

from llm.adapter import SdkModel
from llm.exchange import Reading, Response, Sdk
from llm.model import ModelRequest
from llm.openai_client import openai_client
from llm.openai_reading import OpenAIReading
from llm.openai_request import request_body


class OpenAIModel(SdkModel[openai.AsyncOpenAI]):
    """A model behind Chat Completions."""

    sdk = Sdk(openai.APIError, openai.APIStatusError)

    def _connected(self, api_key: str) -> openai.AsyncOpenAI:
        client = openai_client(api_key, self._provider, self._patience)
        self._completions = client.chat.completions  # imported here, not in the first turn
        return client

    def _asked(self, request: ModelRequest) -> AbstractAsyncContextManager[Response]:
        body = request_body(request, model=self._model, facts=self._facts, provider=self._provider)
        self._prefixes.sent(request.cache_key, body)
        return self._completions.with_streaming_response.create(**body, stream=True)

    def _reading(self, now: datetime) -> Reading:
        return OpenAIReading(provider=self._provider.name, asked=self.name, now=now)
