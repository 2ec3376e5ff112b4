"""The providers of models: one entry says all that is particular to each of them.

What the others share (codes of errors, `retry-after`, quotas) is judged for all alike in
`llm/judging.py`, because gateways pass on the words of the providers behind them.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Provider:
    """A service that answers, and where it differs from others that speak its protocol.

    `name` stands before the `:` in POLARIS_MODELS and names the settings of the provider (small
    letters, digits and `_`); `base_url` is where it is, with `/v1` for "chat" (Chat Completions)
    and without for "messages" (Anthropic's); `title` is its name for people. `default_model`
    answers where the key is set and POLARIS_MODELS is not.

    `too_long` are parts, in lower case, of its texts about a prompt that is too long;
    `wait_headers` its own headers, in lower case, that say when to ask again: seconds, a duration
    ("1m30s") or a time. `refused_keywords` of JSON Schema are left out of the schemas of tools.
    `limit_field` is the field for the longest answer; "messages" has its own. `cache_key_host` is
    the host that takes `prompt_cache_key`: another server at the provider's address may refuse it.
    """

    name: str
    base_url: str
    title: str
    protocol: Literal["chat", "messages"] = "chat"
    needs_key: bool = True
    default_model: str | None = None
    limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    too_long: tuple[str, ...] = ()
    wait_headers: tuple[str, ...] = ()
    refused_keywords: frozenset[str] = frozenset()
    cache_key_host: str | None = None

    @property
    def takes_cache_key(self) -> bool:
        """Whether it takes `prompt_cache_key` where it is asked."""
        return self.cache_key_host is not None and (
            urlsplit(self.base_url).hostname == self.cache_key_host
        )

    @property
    def key_variable(self) -> str:
        """The setting that holds its key."""
        return f"{self.name.upper()}_API_KEY"

    @property
    def url_variable(self) -> str:
        """The setting that holds another address for it."""
        return f"{self.name.upper()}_BASE_URL"

    def at(self, base_url: str) -> Self:
        """The same provider at another address."""
        return replace(self, base_url=base_url)


ANTHROPIC = Provider(
    "anthropic",
    "https://api.anthropic.com",
    "Anthropic",
    protocol="messages",
    default_model="claude-sonnet-5-5",
    too_long=(
        "prompt is too long",
        "exceed context limit",  # "input length and `max_tokens` exceed context limit: …"
        "request exceeds the maximum size",
    ),
)
OPENAI = Provider(
    "openai",
    "https://api.openai.com/v1",
    "OpenAI",
    default_model="gpt-6.1-sol",
    limit_field="max_completion_tokens",
    cache_key_host="api.openai.com",
    too_long=(
        "maximum context length",  # vLLM, OpenRouter, DeepSeek and Mistral say it, too
        "exceeds the context window",
        "request too large for",  # over the tokens a minute: waiting never helps; Groq says it, too
    ),
)
CEREBRAS = Provider(
    "cerebras",
    "https://api.cerebras.ai/v1",
    "Cerebras",
    default_model="gpt-oss-120b",
    limit_field="max_completion_tokens",
    too_long=("reduce the length of the messages",),  # without a code; Groq says it, too
)
OPENROUTER = Provider("openrouter", "https://openrouter.ai/api/v1", "OpenRouter")
OLLAMA = Provider(
    "ollama",
    "http://127.0.0.1:11434/v1",
    "Ollama",
    needs_key=False,
    too_long=("exceeded max context length", "input length exceeds the context length"),
)

PROVIDERS = (ANTHROPIC, OPENAI, CEREBRAS, OPENROUTER, OLLAMA)
"""Every provider that a setting can ask for, in order of preference."""
