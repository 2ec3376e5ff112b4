"""How providers say that a request does not fit the model's window: few have a code for it.

The texts are lower case and parts of what the provider says; tests/llm/too_long.json holds whole
answers of each provider, from their documentation and from reports of users. Those of providers
with an entry stand there; here are the servers and models behind a base URL or a gateway.
"""

from collections.abc import Iterable

from llm.providers import PROVIDERS

BEHIND_GATEWAYS: dict[str, tuple[str, ...]] = {
    "azure": ("prompt token count of",),
    "bedrock": ("input is too long for requested model", "too many input tokens"),
    "gemini": ("input token count", "exceeds the maximum number of tokens allowed"),
    "llama.cpp": ("exceeds the available context size", "exceed_context_size"),
    "vllm": ("longer than the maximum model length", "exceeds model's maximum context length"),
    "lm studio": ("context length of only", "greater than the context length"),
    "together": ("`inputs` tokens + `max_new_tokens` must be",),
    "xai": ("maximum prompt length is",),
    "moonshot": ("exceeded model token limit",),
    "minimax": ("context window exceeds limit",),
    "zhipu": ("prompt exceeds max length",),
}

WORDS = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",  # llama.cpp
        "model_max_prompt_tokens_exceeded",  # Azure
        "request_too_large",
        "string_above_max_length",
    }
)

TOO_LARGE = 413

PHRASES = {provider.name: provider.too_long for provider in PROVIDERS} | BEHIND_GATEWAYS

_ALL = tuple(phrase for phrases in PHRASES.values() for phrase in phrases)


def says_too_long(
    status: int | None, words: frozenset[str], text: str, own: Iterable[str] = ()
) -> bool:
    """Whether a fault means that the request has to be shorter; `own` are its provider's texts."""
    if status == TOO_LARGE or words & WORDS:
        return True
    lower = text.lower()
    return any(phrase in lower for phrase in (*_ALL, *own))
