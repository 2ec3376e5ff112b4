"""A turn request as the body of OpenAI's Chat Completions API."""

import json
from typing import Any

from llm.catalog import ModelFacts
from llm.model import (
    AssistantMessage,
    ModelRequest,
    TextPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from llm.names import sent_id, sent_name

Json = dict[str, Any]


def request_body(request: ModelRequest, *, model: str, facts: ModelFacts, limit_field: str) -> Json:
    """Keyword arguments for `chat.completions.create`, streaming and with usage."""
    body: Json = {
        "model": model,
        limit_field: min(request.max_output_tokens, facts.max_output_tokens),
        "messages": _messages(request),
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.input_schema),
                },
            }
            for tool in request.tools
        ]
        body["tool_choice"] = request.tool_choice
    return body


def _messages(request: ModelRequest) -> list[Json]:
    messages: list[Json] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            messages += _assistant(message)
        else:
            messages += _user(message)
    return messages


def _assistant(message: AssistantMessage) -> list[Json]:
    """Text and calls, if any; reasoning is not sent back, the protocol has no field for it."""
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
    if calls:
        return [{"role": "assistant", "content": text or None, "tool_calls": calls}]
    return [{"role": "assistant", "content": text}] if text else []


def _user(message: UserMessage) -> list[Json]:
    """One message a tool result, then the text. The protocol has no mark for an error."""
    messages: list[Json] = [
        {
            "role": "tool",
            "tool_call_id": sent_id(part.call_id),
            "content": f"Error: {part.text}" if part.is_error else part.text,
        }
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    if texts:
        messages.append({"role": "user", "content": "\n\n".join(texts)})
    return messages
