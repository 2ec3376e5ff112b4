"""From what was recorded to what a model accepts: a valid history at every moment.

Valid means: it starts with the user, the roles alternate, no text is empty, call ids are unique,
and each call has its result, first thing, in the next message. Cancels, crashes and errors leave
turns without results and messages without text; here those are filled in or left out, honestly.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from agent import words
from agent.transcript import Answered, Asked, Loaded, Past, RecordedTurn, text_of_turns
from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
    ModelMessage,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    UserMessage,
)

CHARS_PER_TOKEN = 4  # a rough mean for code and English; the budget has room for the error
KEPT_OF_OLD_RESULT_CHARS = 400

Part = TypeVar("Part", bound=TextPart | ThinkingPart | ToolCall | ToolResult)

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")  # what Anthropic does not take in a call id
_MAX_ID_CHARS = 64


@dataclass(frozen=True)
class Remarks:
    """What the loop has to say to the model in this turn, beside the results.

    `nudged_after` is the turn after which the model was told that it repeats itself.
    """

    nudged_after: int | None = None
    is_last_turn: bool = False


def build_messages(
    loaded: Loaded, *, budget_tokens: int, remarks: Remarks = Remarks()
) -> tuple[ModelMessage, ...]:
    """The messages for the next turn.

    Over the budget, the oldest exchanges of the conversation are left out whole, then old results
    of the running answer are shortened. The message to answer and the calls stay, whatever their
    size. The past gets half of the budget, however far the answer has come: so the beginning of the
    request stays the same from turn to turn and the provider's cache holds.
    """
    budget_chars = budget_tokens * CHARS_PER_TOKEN
    past = _newest_exchanges(loaded.past, budget_chars // 2)
    current = _of_current(loaded.turns, remarks)
    room_chars = budget_chars - sum(map(_size, past))
    return _with_unique_ids(_merged([*past, *_shortened(current, room_chars)]))


def _newest_exchanges(past: Sequence[Past], budget_chars: int) -> list[ModelMessage]:
    exchanges = _exchanges(past)
    kept: list[ModelMessage] = []
    size_chars = 0
    for index in range(len(exchanges) - 1, -1, -1):
        messages = [message for item in exchanges[index] for message in _of_past(item)]
        size_chars += sum(map(_size, messages))
        if kept and size_chars > budget_chars:
            return [_user(words.LEFT_OUT), *kept]
        kept = messages + kept
    return kept


def _exchanges(past: Sequence[Past]) -> list[list[Past]]:
    """Questions, each with the answers to it; answers before the first question are dropped."""
    exchanges: list[list[Past]] = []
    for item in past:
        if isinstance(item, Asked):
            exchanges.append([item])
        elif exchanges:
            exchanges[-1].append(item)
    return exchanges


def _of_past(item: Past) -> list[ModelMessage]:
    match item:
        case Asked(text):
            return [_user(text if text.strip() else words.EMPTY_MESSAGE)]
        case Answered():
            return _of_answered(item)


def _of_answered(answered: Answered) -> list[ModelMessage]:
    messages = [
        message
        for recorded in answered.turns
        for message in _of_turn(recorded, keep_thinking=False)
    ]
    unrecorded = _unrecorded_text(answered)
    if unrecorded:
        messages.append(AssistantMessage(parts=(TextPart(unrecorded),)))
    match answered.status:
        case "cancelled":
            messages.append(_user(words.WAS_CANCELLED))
        case "failed":
            messages.append(_user(words.was_failed(answered.error)))
        case "completed":
            pass
    return messages


def _unrecorded_text(answered: Answered) -> str:
    """What the person saw beyond the recorded turns: a turn that broke off, or a closing note."""
    recorded = text_of_turns(answered.turns)
    if not answered.text.startswith(recorded):
        return ""
    return answered.text[len(recorded) :].strip()


def _of_current(turns: Sequence[RecordedTurn], remarks: Remarks) -> list[ModelMessage]:
    messages: list[ModelMessage] = []
    for recorded in turns:
        messages += _of_turn(recorded, keep_thinking=True)
        if recorded.number == remarks.nudged_after:
            messages.append(_user(words.NUDGE))
    if remarks.is_last_turn:
        messages.append(_user(words.LAST_TURN))
    return messages


def _of_turn(recorded: RecordedTurn, *, keep_thinking: bool) -> list[ModelMessage]:
    message = recorded.turn.message
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    parts = [part for part in message.parts if _is_sent(part, keep_thinking=keep_thinking)]
    while parts and isinstance(parts[-1], ThinkingPart):  # no provider takes it as the last part
        parts.pop()
    messages: list[ModelMessage] = []
    if parts:
        messages.append(AssistantMessage(parts=tuple(parts)))
    if calls:
        messages.append(UserMessage(parts=tuple(_result(recorded, call) for call in calls)))
    if recorded.turn.dropped_calls:
        messages.append(_user(words.calls_cut(recorded.turn.dropped_calls)))
    return messages


def _is_sent(part: TextPart | ThinkingPart | ToolCall, *, keep_thinking: bool) -> bool:
    match part:
        case TextPart(text):
            return bool(text.strip())
        case ThinkingPart():
            # The proof is what a provider asks for, and only within the answer that it belongs to.
            return keep_thinking and bool(part.signature)
        case ToolCall():
            return True


def _result(recorded: RecordedTurn, call: ToolCall) -> ToolResult:
    output = recorded.outputs.get(call.call_id)
    if output is not None:
        return ToolResult(call_id=call.call_id, text=output.text, is_error=output.is_error)
    text = words.INTERRUPTED if call.call_id in recorded.started else words.NEVER_RAN
    return ToolResult(call_id=call.call_id, text=text, is_error=True)


def _shortened(messages: list[ModelMessage], room_chars: int) -> list[ModelMessage]:
    """Cut the oldest results until it fits; those that the model has not seen yet stay whole."""
    over_chars = sum(map(_size, messages)) - room_chars
    last_calls = max(
        (at for at, message in enumerate(messages) if isinstance(message, AssistantMessage)),
        default=0,
    )
    shortened = list(messages)
    for at, message in enumerate(messages[:last_calls]):
        if over_chars <= 0:
            break
        if isinstance(message, UserMessage):
            shortened[at] = UserMessage(parts=tuple(_shorter(part) for part in message.parts))
            over_chars -= _size(message) - _size(shortened[at])
    return shortened


def _shorter(part: TextPart | ToolResult) -> TextPart | ToolResult:
    if isinstance(part, TextPart) or len(part.text) <= KEPT_OF_OLD_RESULT_CHARS * 2:
        return part
    return replace(part, text=words.result_cut(part.text, KEPT_OF_OLD_RESULT_CHARS))


def _merged(messages: Iterable[ModelMessage]) -> list[ModelMessage]:
    """Neighbours of one role become one message."""
    merged: list[ModelMessage] = []
    for message in messages:
        match merged[-1] if merged else None, message:
            case UserMessage(before), UserMessage(parts):
                merged[-1] = UserMessage(parts=(*before, *parts))
            case AssistantMessage(before), AssistantMessage(parts):
                merged[-1] = AssistantMessage(parts=(*before, *parts))
            case _:
                merged.append(message)
    return merged


def _with_unique_ids(messages: Sequence[ModelMessage]) -> tuple[ModelMessage, ...]:
    """Give each call an id that all providers take; some count calls from 0 in every turn."""
    used: set[str] = set()
    renamed: dict[ToolCallId, ToolCallId] = {}  # of the latest assistant message
    result: list[ModelMessage] = []
    for message in messages:
        if isinstance(message, AssistantMessage):
            renamed = {}
            for part in message.parts:
                if isinstance(part, ToolCall):
                    renamed[part.call_id] = _free_id(part.call_id, used)
            result.append(
                AssistantMessage(parts=tuple(_renamed(p, renamed) for p in message.parts))
            )
        else:
            result.append(UserMessage(parts=tuple(_renamed(p, renamed) for p in message.parts)))
    return tuple(result)


def _free_id(call_id: ToolCallId, used: set[str]) -> ToolCallId:
    plain = _FOREIGN.sub("_", call_id)[:_MAX_ID_CHARS] or "call"
    free, count = plain, 1
    while free in used:
        count += 1
        free = f"{plain[: _MAX_ID_CHARS - 8]}_{count}"
    used.add(free)
    return ToolCallId(free)


def _renamed(part: Part, names: dict[ToolCallId, ToolCallId]) -> Part:
    if isinstance(part, ToolCall | ToolResult):
        return replace(part, call_id=names[part.call_id])
    return part


def _user(text: str) -> UserMessage:
    return UserMessage(parts=(TextPart(text),))


def _size(message: ModelMessage) -> int:
    return sum(_part_size(part) for part in message.parts)


def _part_size(part: TextPart | ThinkingPart | ToolCall | ToolResult) -> int:
    match part:
        case ToolCall():
            return len(part.name) + len(json.dumps(dict(part.arguments), ensure_ascii=False))
        case ThinkingPart():
            return len(part.text) + len(part.signature)
        case _:
            return len(part.text)
