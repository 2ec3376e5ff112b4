"""How many characters parts of a request have: what a budget is counted in."""

import json
from collections.abc import Iterable

from llm.model import Image, ModelMessage, TextPart, ThinkingPart, ToolCall, ToolResult

IMAGE_CHARS = 6_400  # what the largest costs that providers do not make smaller, in tokens of four
CHARS_PER_TOKEN = 4  # a rough mean for code and English; the budget has room for the error


def size_of(messages: Iterable[ModelMessage]) -> int:
    """Characters of the messages."""
    return sum(_part_size(part) for message in messages for part in message.parts)


def _part_size(part: TextPart | Image | ThinkingPart | ToolCall | ToolResult) -> int:
    match part:
        case ToolCall():
            return len(part.name) + len(json.dumps(dict(part.arguments), ensure_ascii=False))
        case ThinkingPart():
            return len(part.text) + len(part.signature)
        case ToolResult():
            return len(part.text) + len(part.images) * IMAGE_CHARS
        case TextPart():
            return len(part.text)
        case Image():
            return IMAGE_CHARS


def said_size(text: str, images: tuple[Image, ...]) -> int:
    """Characters of what the person says."""
    return len(text) + len(images) * IMAGE_CHARS
