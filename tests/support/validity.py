"""The rules by which providers accept a history, as their real APIs state them."""

import re

from llm.model import (
    AssistantMessage,
    ModelRequest,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    UserMessage,
)

_CALL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")


def assert_valid(request: ModelRequest) -> None:
    messages = request.messages
    assert messages, "no message"
    assert isinstance(messages[0], UserMessage), "the first message is not the user's"
    assert isinstance(messages[-1], UserMessage), "the last message is not the user's"
    seen: set[str] = set()
    waiting: list[str] = []
    for before, message in zip((None, *messages), messages, strict=False):
        assert type(before) is not type(message), "two messages of one role in a row"
        assert message.parts, "a message without parts"
        if isinstance(message, AssistantMessage):
            waiting = [part.call_id for part in message.parts if isinstance(part, ToolCall)]
            assert len(set(waiting)) == len(waiting), "one call id twice in a turn"
            assert not seen & set(waiting), "a call id of an earlier turn"
            assert all(_CALL_ID.match(call_id) for call_id in waiting), "a call id with odd letters"
            seen.update(waiting)
            assert not isinstance(message.parts[-1], ThinkingPart), "a turn that ends in thinking"
        else:
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            assert tuple(results) == message.parts[: len(results)], "a result after a text"
            assert sorted(part.call_id for part in results) == sorted(waiting), "orphans"
            waiting = []
        for part in message.parts:
            if isinstance(part, TextPart):
                assert part.text.strip(), "an empty text"
