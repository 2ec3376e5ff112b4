"""How providers say that a request does not fit the model's window: few have a code for it.

The texts are lower case and parts of what the provider says; tests/llm/too_long.json holds whole
answers of each provider, from their documentation and from reports of users.
"""

PHRASES: dict[str, tuple[str, ...]] = {
    "anthropic": (
        "prompt is too long",
        "exceed context limit",  # "input length and `max_tokens` exceed context limit: …"
        "request exceeds the maximum size",
    ),
    "openai": (
        "maximum context length",  # vLLM, OpenRouter, DeepSeek and Mistral say it, too
        "exceeds the context window",
        "request too large for",  # over the tokens a minute: waiting never helps; Groq says it, too
        "reduce the length of the messages",  # Cerebras and Groq, without a code
    ),
    "azure": ("prompt token count of",),
    "bedrock": ("input is too long for requested model", "too many input tokens"),
    "gemini": ("input token count", "exceeds the maximum number of tokens allowed"),
    "llama.cpp": ("exceeds the available context size", "exceed_context_size"),
    "vllm": ("longer than the maximum model length", "exceeds model's maximum context length"),
    "ollama": ("exceeded max context length", "input length exceeds the context length"),
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

_ALL = tuple(phrase for phrases in PHRASES.values() for phrase in phrases)


def says_too_long(status: int | None, words: frozenset[str], text: str) -> bool:
    """Whether a fault means that the request has to be shorter."""
    if status == TOO_LARGE or words & WORDS:
        return True
    lower = text.lower()
    return any(phrase in lower for phrase in _ALL)
