"""A turn request as the body of OpenAI's Responses API; the whole history goes with each."""

import json
from typing import Any

from llm.catalog import ModelFacts
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
from llm.odd import object_in, text_in
from llm.providers import Provider
from llm.schemas import without_keywords

ENCRYPTED = "reasoning.encrypted_content"
Json = dict[str, Any]


def request_body(
    request: ModelRequest, *, model: str, facts: ModelFacts, provider: Provider
) -> Json:
    """Keyword arguments for `responses.create`.

    Items go without the ids that the provider gave them: with one, it looks for what it has stored.
    """
    keeps_thoughts = facts.reasoning_back == "encrypted"
    body: Json = {
        "model": model,
        "max_output_tokens": min(request.max_output_tokens, facts.max_output_tokens),
        "input": _items(request, keeps_thoughts=keeps_thoughts, sees=facts.sees),
        "store": False,
    }
    if request.system:
        body["instructions"] = request.system
    if keeps_thoughts:
        body["include"] = [ENCRYPTED]
    if request.cache_key and provider.takes_cache_key:
        body["prompt_cache_key"] = request.cache_key
    reasoning = _reasoning(facts)
    if reasoning:
        body["reasoning"] = reasoning
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": without_keywords(tool.input_schema, provider.refused_keywords),
                "strict": False,  # which is the default here, and rewrites schemas
            }
            for tool in request.tools
        ]
        body["tool_choice"] = _choice(request)
    return body


def proof_of(item_id: str, encrypted: str) -> str:
    """What is kept of a reasoning item, as the signature of a thought."""
    return json.dumps({"id": item_id, "encrypted_content": encrypted})


def _reasoning(facts: ModelFacts) -> Json:
    reasoning: Json = {}
    if facts.reasoning_effort is not None:
        reasoning["effort"] = facts.reasoning_effort
    if facts.thinking == "adaptive":
        reasoning["summary"] = "auto"
    return reasoning


def _choice(request: ModelRequest) -> Json | str:
    match request.tool_choice:
        case Forced(name):
            return {"type": "function", "name": sent_name(name)}
        case word:
            return word


def _items(request: ModelRequest, *, keeps_thoughts: bool, sees: bool) -> list[Json]:
    items: list[Json] = []
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            items += _assistant(message, keeps_thoughts=keeps_thoughts)
        else:
            items += _user(message, sees=sees)
    return items


def _assistant(message: AssistantMessage, *, keeps_thoughts: bool) -> list[Json]:
    """In the order in which it was said; a thought stands right before what it led to."""
    items: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart():
                content = [{"type": "output_text", "text": part.text}]
                items.append({"type": "message", "role": "assistant", "content": content})
            case ThinkingPart():
                items += _thought(part) if keeps_thoughts else []
            case ToolCall():
                items.append(
                    {
                        "type": "function_call",
                        "call_id": sent_id(part.call_id),
                        "name": sent_name(part.name),
                        "arguments": json.dumps(dict(part.arguments), ensure_ascii=False),
                    }
                )
    while items and items[-1]["type"] == "reasoning":  # it led to nothing that is left
        items.pop()
    return items


def _thought(part: ThinkingPart) -> list[Json]:
    """The item that the provider has given; nothing for the thoughts of others."""
    try:
        proof = object_in(json.loads(part.signature))
    except ValueError:
        return []
    encrypted = text_in(proof.get("encrypted_content"))
    if not encrypted:
        return []
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return [
        {
            "type": "reasoning",
            "id": text_in(proof.get("id")),
            "summary": summary,
            "encrypted_content": encrypted,
        }
    ]


def _user(message: UserMessage, *, sees: bool) -> list[Json]:
    """An item for each result, with its images; then one for what was said."""
    items = [_result(part, sees=sees) for part in message.parts if isinstance(part, ToolResult)]
    said = [part for part in message.parts if not isinstance(part, ToolResult)]
    if said:
        content = [_shown(part, sees=sees) for part in said]
        items.append({"type": "message", "role": "user", "content": content})
    return items


def _result(part: ToolResult, *, sees: bool) -> Json:
    """The protocol has no mark for an error."""
    output: str | list[Json] = f"Error: {part.text}" if part.is_error else part.text
    if sees and part.images and not part.is_error:
        text: list[Json] = [{"type": "input_text", "text": part.text}] if part.text else []
        output = [*text, *map(_image, part.images)]
    return {"type": "function_call_output", "call_id": sent_id(part.call_id), "output": output}


def _shown(part: TextPart | Image, *, sees: bool) -> Json:
    if isinstance(part, Image):
        return _image(part) if sees else {"type": "input_text", "text": UNSEEN}
    return {"type": "input_text", "text": part.text}


def _image(image: Image) -> Json:
    url = f"data:{image.media_type};base64,{image.data}"
    return {"type": "input_image", "image_url": url, "detail": "auto"}
