"""The client of OpenAI's official SDK, for both of its protocols."""

import openai

from llm.providers import Provider
from llm.retry import Patience


def openai_client(api_key: str, provider: Provider, patience: Patience) -> openai.AsyncOpenAI:
    """One that does not try again itself."""
    return openai.AsyncOpenAI(
        api_key=api_key,
        base_url=provider.base_url,
        max_retries=0,
        # Silence is judged by `exchanged`: a timer of aiohttp costs as much as reading a token.
        timeout=openai.Timeout(None, connect=patience.connect_s),
        http_client=openai.DefaultAioHttpClient(),
    )
