"""A turn request as the body of OpenAI's Chat Completions API."""

import json
from typing import Any

from llm.catalog import ModelFacts, ReasoningBack
from llm.model import (
    UNSEEN,
    AssistantMessage,
    Forced,
    Image,
    ModelRequest,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from llm.names import sent_id, sent_name
from llm.providers import Provider
from llm.schemas import without_keywords

Json = dict[str, Any]


def request_body(
    request: ModelRequest, *, model: str, facts: ModelFacts, provider: Provider
) -> Json:
    """Keyword arguments for `chat.completions.create`, streaming and with usage."""
    body: Json = {
        "model": model,
        provider.limit_field: min(request.max_output_tokens, facts.max_output_tokens),
        "messages": _messages(request, facts.reasoning_back, sees=facts.sees),
        "stream_options": {"include_usage": True},
    }
    if request.cache_key and provider.takes_cache_key:
        body["prompt_cache_key"] = request.cache_key
    if facts.reasoning_effort is not None:
        body["reasoning_effort"] = facts.reasoning_effort
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": without_keywords(tool.input_schema, provider.refused_keywords),
                },
            }
            for tool in request.tools
        ]
        body["tool_choice"] = _choice(request)
    return body


def _choice(request: ModelRequest) -> Json | str:
    match request.tool_choice:
        case Forced(name):
            return {"type": "function", "function": {"name": sent_name(name)}}
        case word:
            return word


def _messages(request: ModelRequest, reasoning_back: ReasoningBack, *, sees: bool) -> list[Json]:
    messages: list[Json] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            messages += _assistant(message, reasoning_back)
        else:
            messages += _user(message, sees=sees)
    return messages


def _assistant(message: AssistantMessage, reasoning_back: ReasoningBack) -> list[Json]:
    """Text and calls, if any, with the reasoning where and as the model wants it back."""
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    calls = [
        {
            "id": sent_id(part.call_id),
            "type": "function",
            "function": {
                "name": sent_name(part.name),
                "arguments": json.dumps(dict(part.arguments), ensure_ascii=False),
            },
        }
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    if not (text or calls):
        return []
    reasoning = _own_reasoning(message)
    if reasoning_back == "think_text" and reasoning:
        text = f"<think>{reasoning}</think>{text}"
    json_message: Json = {"role": "assistant", "content": text or None}
    if reasoning_back == "reasoning_content":
        json_message["reasoning_content"] = reasoning  # DeepSeek refuses a history that lacks it
    elif reasoning_back == "reasoning" and reasoning:
        json_message["reasoning"] = reasoning
    if calls:
        json_message["tool_calls"] = calls
    return [json_message]


def _own_reasoning(message: AssistantMessage) -> str:
    """What this protocol's models thought; signed thoughts are another's."""
    return "".join(
        part.text
        for part in message.parts
        if isinstance(part, ThinkingPart) and not (part.signature or part.redacted)
    )


def _user(message: UserMessage, *, sees: bool) -> list[Json]:
    """One message a tool result, then the text. The protocol has no mark for an error.

    Nor does it take images in a result: they stand in the message after the results.
    """
    messages: list[Json] = [
        {
            "role": "tool",
            "tool_call_id": sent_id(part.call_id),
            "content": f"Error: {part.text}" if part.is_error else part.text,
        }
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    said = [part for part in message.parts if not isinstance(part, ToolResult)]
    shown = [_shown(part, sees=sees) for part in said]
    blocks = [*(_images(message) if sees else []), *shown]
    if any(block["type"] != "text" for block in blocks):
        messages.append({"role": "user", "content": blocks})
    elif blocks:
        messages.append({"role": "user", "content": "\n\n".join(b["text"] for b in blocks)})
    return messages


def _shown(part: TextPart | Image, *, sees: bool) -> Json:
    if isinstance(part, Image) and sees:
        return _image(part)
    return {"type": "text", "text": part.text if isinstance(part, TextPart) else UNSEEN}


def _image(image: Image) -> Json:
    url = f"data:{image.media_type};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _images(message: UserMessage) -> list[Json]:
    """Those of the results, each with the id of its call."""
    blocks: list[Json] = []
    for part in message.parts:
        if not isinstance(part, ToolResult) or part.is_error or not part.images:
            continue
        blocks.append({"type": "text", "text": f"Images of the result of {sent_id(part.call_id)}:"})
        blocks += map(_image, part.images)
    return blocks
