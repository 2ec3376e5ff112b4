"""Turns as models should not write them."""

from typing import Any

import pytest

from agent.cleaning import MAX_ARGUMENTS_BYTES, MAX_TEXT_CHARS, cleaned
from core.ids import ToolCallId
from llm.model import AssistantMessage, StopReason, TextPart, ToolCall, Turn, Usage


def turn(*parts: TextPart | ToolCall) -> Turn:
    return Turn(
        message=AssistantMessage(parts=parts),
        stop_reason=StopReason.TOOL_CALLS,
        usage=Usage(),
        model="test",
    )


def write(call_id: str, content: str) -> ToolCall:
    arguments: dict[str, Any] = {"path": "a.txt", "content": content}
    return ToolCall(ToolCallId(call_id), "writeFile", arguments)


@pytest.mark.parametrize("letter", ["x", "\u5b57", "\ud83d"], ids=["ascii", "han", "surrogate"])
def test_a_call_too_large_to_keep_is_dropped_and_the_others_run(letter: str) -> None:
    result = cleaned(turn(write("1", letter * MAX_ARGUMENTS_BYTES), write("2", "x")), max_calls=5)
    assert result.dropped_calls == ("writeFile",)
    assert [part.call_id for part in result.message.parts if isinstance(part, ToolCall)] == ["2"]


def test_a_call_as_large_as_a_large_file_is_kept() -> None:
    result = cleaned(turn(write("1", "x" * 600_000)), max_calls=5)
    assert len(result.message.parts) == 1


def test_texts_too_long_to_keep_are_cut() -> None:
    texts = [TextPart("a" * MAX_TEXT_CHARS), TextPart("b")]
    result = cleaned(turn(TextPart("z"), *texts), max_calls=5)
    assert [len(part.text) for part in result.message.parts if isinstance(part, TextPart)] == [
        1,
        MAX_TEXT_CHARS - 1,
    ]
