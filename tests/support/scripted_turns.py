"""A model that says what a test tells it to, turn by turn, and judges the history it is sent."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    Turn,
    TurnEnded,
    Usage,
)
from tests.support.validity import assert_valid

Reply = Turn | Exception | Callable[[ModelRequest], Turn]


@dataclass
class ScriptedTurns:
    """Plays `replies` in order; a reply that is an error is raised after `partial` was said.

    With `by_turn`, the number of turns in the request picks the reply, so that a turn which has to
    be generated twice says the same. Every request is checked against the validity rules first.
    """

    replies: Sequence[Reply]
    by_turn: bool = False
    partial: str = "half an ans"
    requests: list[ModelRequest] = field(default_factory=list[ModelRequest])
    name: str = "test/scripted"
    context_window: int = 200_000
    hang_in_turn: int | None = None
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        assert_valid(request)
        number = len(self.requests)
        if self.by_turn:
            number = sum(isinstance(message, AssistantMessage) for message in request.messages)
        self.requests.append(request)
        try:
            reply = self.replies[number]
            if callable(reply):
                reply = reply(request)
            if isinstance(reply, Exception):
                yield TextDelta(self.partial)
                raise reply
            if self.hang_in_turn == number:
                yield TextDelta(self.partial)
                self.hanging.set()
                await asyncio.Event().wait()
            for part in reply.message.parts:
                match part:
                    case TextPart(text):
                        for start in range(0, len(text), 7):
                            yield TextDelta(text[start : start + 7])
                    case ThinkingPart():
                        yield ThinkingDelta(part.text)
                    case ToolCall():
                        yield ToolCallStarted(part.call_id, part.name)
            yield TurnEnded(reply)
        finally:
            self.closed += 1


def says(text: str, *, stop_reason: StopReason = StopReason.END) -> Turn:
    parts = (TextPart(text),) if text else ()
    return _turn(parts, stop_reason)


def calls(*wanted: ToolCall, text: str = "", stop: StopReason = StopReason.TOOL_CALLS) -> Turn:
    spoken = (TextPart(text),) if text else ()
    return _turn((*spoken, *wanted), stop)


def call(call_id: str, name: str, **arguments: Any) -> ToolCall:
    return ToolCall(call_id=ToolCallId(call_id), name=name, arguments=arguments)


def _turn(parts: tuple[TextPart | ThinkingPart | ToolCall, ...], stop_reason: StopReason) -> Turn:
    return Turn(
        message=AssistantMessage(parts=parts),
        stop_reason=stop_reason,
        usage=Usage(input_tokens=10, output_tokens=5, cost_usd=0.25),
        model="test/scripted",
    )
