"""A model that says what a test tells it to, turn by turn, and judges the history it is sent."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent import words
from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
    Image,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    ToolInputDelta,
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
    Asked for a summary of the conversation it says `summary`; such requests are not in `requests`.
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
    summary: str = ""
    summaries: list[ModelRequest] = field(default_factory=list[ModelRequest])

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        assert_valid(request)
        if is_for_summary(request):
            self.summaries.append(request)
            yield TurnEnded(says(self.summary))
            return
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
                for event in _events_of(part):
                    yield event
            yield TurnEnded(reply)
        finally:
            self.closed += 1


def _events_of(part: TextPart | ThinkingPart | ToolCall) -> list[ModelEvent]:
    match part:
        case TextPart(text):
            return [TextDelta(text[start : start + 7]) for start in range(0, len(text), 7)]
        case ThinkingPart():
            return [ThinkingDelta(part.text)]
        case ToolCall():
            arguments = json.dumps(dict(part.arguments))
            pieces = [arguments[start : start + 20] for start in range(0, len(arguments), 20)]
            written = [ToolInputDelta(part.call_id, piece) for piece in pieces]
            return [ToolCallStarted(part.call_id, part.name), *written]


def is_for_summary(request: ModelRequest) -> bool:
    """Whether the agent asks for a summary of the conversation."""
    last = request.messages[-1].parts[-1]
    return isinstance(last, TextPart) and last.text == words.CONDENSE


def told(request: ModelRequest) -> str:
    """All that the request says, as text."""
    return "\n".join(
        f"{part.name} {dict(part.arguments)}" if isinstance(part, ToolCall) else part.text
        for message in request.messages
        for part in message.parts
        if not isinstance(part, Image)
    )


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
