"""A turn request as the body of Anthropic's Messages API, with prompt cache breakpoints."""

from typing import Any

from llm.catalog import ModelFacts
from llm.model import (
    UNSEEN,
    AssistantMessage,
    Forced,
    Image,
    ModelMessage,
    ModelRequest,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
)
from llm.names import sent_id, sent_name
from llm.providers import Provider
from llm.schemas import without_keywords

ROLLING = 2  # of the four breakpoints; the others stand on the tools and on the system prompt

_CACHED = {"type": "ephemeral"}
Json = dict[str, Any]


def request_body(
    request: ModelRequest, *, model: str, facts: ModelFacts, provider: Provider
) -> Json:
    """Keyword arguments for `messages.create`.

    The prompt cache reads a prefix in the order tools, system, messages, so nothing that changes
    from turn to turn may stand before the messages. Two rolling breakpoints on the last user
    messages make each turn read what the turn before it wrote, even when one turn adds more than
    the 20 blocks that the provider looks back.
    """
    keeps_unsigned = facts.reasoning_back == "thinking"
    whole = (
        _message(message, keeps_unsigned=keeps_unsigned, sees=facts.sees)
        for message in request.messages
    )
    messages = [json for json in whole if json["content"]]
    for message in [message for message in messages if message["role"] == "user"][-ROLLING:]:
        message["content"][-1]["cache_control"] = _CACHED
    body: Json = {
        "model": model,
        "max_tokens": min(request.max_output_tokens, facts.max_output_tokens),
        "messages": messages,
    }
    if request.system:
        body["system"] = [{"type": "text", "text": request.system, "cache_control": _CACHED}]
    if request.tools:
        tools: list[Json] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": without_keywords(tool.input_schema, provider.refused_keywords),
            }
            for tool in request.tools
        ]
        tools[-1]["cache_control"] = _CACHED
        body["tools"] = tools
        body["tool_choice"] = _choice(request)
    is_forced = isinstance(request.tool_choice, Forced)  # which is refused while a model thinks
    if facts.thinking == "adaptive" and not is_forced:
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
    if facts.reasoning_effort is not None:
        body["output_config"] = {"effort": facts.reasoning_effort}
    return body


def _choice(request: ModelRequest) -> Json:
    match request.tool_choice:
        case Forced(name):
            return {"type": "tool", "name": sent_name(name)}
        case word:
            return {"type": word}


def _message(message: ModelMessage, *, keeps_unsigned: bool, sees: bool) -> Json:
    role = "assistant" if isinstance(message, AssistantMessage) else "user"
    parts = [part for part in message.parts if keeps_unsigned or not _is_unsigned(part)]
    blocks = [_block(part, sees=sees) for part in parts]
    return {"role": role, "content": blocks}


def _is_unsigned(part: TextPart | Image | ThinkingPart | ToolCall | ToolResult) -> bool:
    """Another provider's reasoning: Anthropic takes only what it has signed."""
    return isinstance(part, ThinkingPart) and not part.signature


def _block(part: TextPart | Image | ThinkingPart | ToolCall | ToolResult, *, sees: bool) -> Json:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case Image():
            return _image(part) if sees else {"type": "text", "text": UNSEEN}
        case ThinkingPart(redacted=True):
            return {"type": "redacted_thinking", "data": part.signature}
        case ThinkingPart():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case ToolCall():
            return {
                "type": "tool_use",
                "id": sent_id(part.call_id),
                "name": sent_name(part.name),
                "input": dict(part.arguments),
            }
        case ToolResult():
            return {
                "type": "tool_result",
                "tool_use_id": sent_id(part.call_id),
                "content": _content(part) if sees and part.images else part.text,
                "is_error": part.is_error,
            }


def _content(result: ToolResult) -> str | list[Json]:
    if result.is_error:
        return result.text
    text: list[Json] = [{"type": "text", "text": result.text}] if result.text else []
    return text + [_image(image) for image in result.images]


def _image(image: Image) -> Json:
    source = {"type": "base64", "media_type": image.media_type, "data": image.data}
    return {"type": "image", "source": source}
