"""What is put right in a turn before it is recorded: calls that cannot run, broken texts."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from core.ids import ToolCallId
from llm.model import AssistantMessage, StopReason, TextPart, ThinkingPart, ToolCall, Turn

MAX_ARGUMENTS_BYTES = 700_000  # as JSON; a row of the store holds 1 MiB
MAX_TEXT_CHARS = 200_000  # of the texts of a turn; with 16,000 tokens a model writes far less
_ENDS_WITHOUT_CALLS = {StopReason.REFUSAL, StopReason.CONTEXT_FULL}


def cleaned(turn: Turn, *, max_calls: int) -> Turn:
    """The turn with calls only where they will run, each with an id of its own.

    Some models call tools though they were told not to, or in a turn that they end by refusing:
    those calls go. Calls beyond `max_calls`, if it is not 0, and those whose arguments are too
    large to be kept become dropped ones, of which the model is told. Texts that are too long to be
    kept are cut. Lone surrogates, which no store and no provider takes, become U+FFFD.
    """
    if max_calls == 0 or turn.stop_reason in _ENDS_WITHOUT_CALLS:
        parts = tuple(part for part in turn.message.parts if not isinstance(part, ToolCall))
        turn = replace(turn, message=AssistantMessage(parts=parts), dropped_calls=())
    used: set[str] = set()
    kept: list[TextPart | ThinkingPart | ToolCall] = []
    dropped: list[str] = []
    left_chars = MAX_TEXT_CHARS
    for part in turn.message.parts:
        match part:
            case TextPart(text):
                if left_chars:
                    kept.append(TextPart(without_surrogates(text[:left_chars])))
                    left_chars -= min(left_chars, len(text))
            case ThinkingPart():
                kept.append(part)
            case ToolCall() if len(used) < max_calls and _is_storable(part):
                kept.append(_own_call(part, used))
            case ToolCall(name=name):
                dropped.append(name)
    return replace(
        turn,
        message=AssistantMessage(parts=tuple(kept)),
        dropped_calls=(*turn.dropped_calls, *dropped),
    )


def without_surrogates(text: str) -> str:
    """The text with each half of a broken surrogate pair replaced; JSON may carry such halves."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_storable(call: ToolCall) -> bool:
    text = json.dumps(dict(call.arguments), ensure_ascii=False)
    return len(text.encode(errors="replace")) <= MAX_ARGUMENTS_BYTES


def _own_call(call: ToolCall, used: set[str]) -> ToolCall:
    call_id, count = call.call_id, 1
    while not call_id or call_id in used:
        count += 1
        call_id = ToolCallId(f"{call.call_id or 'call'}_{count}")
    used.add(call_id)
    arguments = cast("Mapping[str, Any]", _plain(dict(call.arguments)))
    return replace(call, call_id=call_id, arguments=arguments)


def _plain(value: object) -> object:
    match value:
        case str():
            return without_surrogates(value)
        case list():
            return [_plain(item) for item in cast("list[object]", value)]
        case dict():
            items = cast("dict[str, object]", value).items()
            return {without_surrogates(key): _plain(item) for key, item in items}
        case _:
            return value
