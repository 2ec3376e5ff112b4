"""What came together is handed on together, and nothing of it is lost."""

from collections.abc import Iterator

import pytest

from core.ids import ToolCallId
from llm.merging import merged
from llm.model import ModelEvent, TextDelta, ThinkingDelta, ToolCallStarted, ToolInputDelta

ONE, TWO = ToolCallId("call_1"), ToolCallId("call_2")


def test_deltas_of_one_text_become_one() -> None:
    events: list[ModelEvent] = [
        ThinkingDelta("Let "),
        ThinkingDelta("me see."),
        TextDelta("I "),
        TextDelta("read"),
        TextDelta("."),
        ToolCallStarted(ONE, "readFile"),
        ToolInputDelta(ONE, '{"path":'),
        ToolInputDelta(ONE, '"a"}'),
        ToolInputDelta(TWO, "{"),
        ToolInputDelta(TWO, "}"),
        TextDelta("Done."),
    ]
    assert list(merged(events)) == [
        ThinkingDelta("Let me see."),
        TextDelta("I read."),
        ToolCallStarted(ONE, "readFile"),
        ToolInputDelta(ONE, '{"path":"a"}'),
        ToolInputDelta(TWO, "{}"),
        TextDelta("Done."),
    ]
    assert list(merged([])) == []


def test_a_fault_comes_after_what_was_said_before_it() -> None:
    def broken() -> Iterator[ModelEvent]:
        yield TextDelta("a")
        yield TextDelta("b")
        raise ConnectionError("gone")

    events = merged(broken())
    assert next(events) == TextDelta("ab")
    with pytest.raises(ConnectionError, match="gone"):
        next(events)
