"""Turns as models should not write them."""

from dataclasses import replace
from typing import Any

import pytest

from agent import words
from agent.cleaning import MAX_ARGUMENTS_BYTES, MAX_NOT_RUN, MAX_TEXT_CHARS, Cleaned, cleaned
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


def calls_of(result: Cleaned) -> list[ToolCall]:
    return [part for part in result.turn.message.parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize("letter", ["x", "\u5b57", "\ud83d"], ids=["ascii", "han", "surrogate"])
def test_a_call_too_large_to_keep_is_not_run_and_the_others_run(letter: str) -> None:
    result = cleaned(turn(write("1", letter * MAX_ARGUMENTS_BYTES), write("2", "x")), max_calls=5)
    assert result.not_run == {"1": words.NOT_RUN_TOO_LARGE}
    assert calls_of(result) == [ToolCall(ToolCallId("1"), "writeFile", {}), write("2", "x")]


def test_a_call_as_large_as_a_large_file_is_kept() -> None:
    result = cleaned(turn(write("1", "x" * 600_000)), max_calls=5)
    assert len(result.turn.message.parts) == 1
    assert not result.not_run


def test_each_call_that_is_not_run_keeps_its_place_and_has_its_own_reason() -> None:
    many = cleaned(
        turn(write("1", ""), write("2", ""), TextPart("so"), write("3", "")), max_calls=1
    )
    assert [part.call_id for part in calls_of(many)] == ["1", "2", "3"]
    assert many.not_run == {"2": words.not_run_too_many(1), "3": words.not_run_too_many(1)}
    last = cleaned(turn(write("1", "")), max_calls=0)
    assert last.not_run == {"1": words.NOT_RUN_LAST}
    refused = cleaned(replace(turn(write("1", "")), stop_reason=StopReason.REFUSAL), max_calls=5)
    assert refused.not_run == {"1": words.NOT_RUN_ENDED}


def test_calls_that_arrived_broken_or_cut_get_a_row_each() -> None:
    names = ("readFile", "writeFile")
    broken = replace(turn(write("1", "")), dropped_calls=names)
    assert list(cleaned(broken, max_calls=5).not_run.values()) == [words.NOT_RUN_BROKEN] * 2
    cut = cleaned(replace(broken, stop_reason=StopReason.MAX_TOKENS), max_calls=5)
    assert list(cut.not_run.values()) == [words.NOT_RUN_BROKEN, words.NOT_RUN_CUT]
    assert [(part.name, dict(part.arguments)) for part in calls_of(cut)[1:]] == [
        ("readFile", {}),
        ("writeFile", {}),
    ]
    assert len({part.call_id for part in calls_of(cut)}) == 3


def test_of_thousands_of_calls_only_some_are_kept() -> None:
    result = cleaned(turn(*(write(str(n), "") for n in range(1_000))), max_calls=5)
    assert len(calls_of(result)) == 5 + MAX_NOT_RUN
    assert len(result.turn.dropped_calls) == 1_000 - 5 - MAX_NOT_RUN


@pytest.mark.parametrize("first", ["a" * MAX_TEXT_CHARS, "a" * (MAX_TEXT_CHARS + 1), "a"])
def test_a_text_too_long_to_keep_ends_with_a_sentence_that_says_so(first: str) -> None:
    result = cleaned(
        turn(TextPart(first), TextPart("b" * MAX_TEXT_CHARS), TextPart("c")), max_calls=5
    )
    text = "".join(part.text for part in result.turn.message.parts if isinstance(part, TextPart))
    assert text.endswith(words.TEXT_CUT)
    assert text.count(words.TEXT_CUT) == 1
    assert MAX_TEXT_CHARS <= len(text.removesuffix(words.TEXT_CUT).rstrip()) <= MAX_TEXT_CHARS + 2


def test_a_text_as_long_as_can_be_kept_is_whole() -> None:
    result = cleaned(turn(TextPart("a" * MAX_TEXT_CHARS)), max_calls=5)
    assert result.turn.message.parts == (TextPart("a" * MAX_TEXT_CHARS),)
