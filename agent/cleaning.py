"""What is put right in a turn before it is recorded: calls that cannot run, broken texts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from agent import words
from core.ids import ToolCallId
from core.text import without_surrogates
from llm.model import AssistantMessage, StopReason, TextPart, ThinkingPart, ToolCall, Turn

MAX_ARGUMENTS_BYTES = 700_000  # as JSON; a row of the store holds 1 MiB
MAX_TEXT_CHARS = 200_000  # of the texts of a turn; with 16,000 tokens a model writes far less
MAX_NOT_RUN = 50  # calls of a turn that are kept though they do not run; of more only the names
ENDS_THE_ANSWER = frozenset({StopReason.REFUSAL, StopReason.CONTEXT_FULL})

Part = TextPart | ThinkingPart | ToolCall


@dataclass(frozen=True)
class Cleaned:
    """A turn as it is recorded; `not_run` says which of its calls do not run, and why.

    Names in `turn.dropped_calls` are of calls beyond `MAX_NOT_RUN`.
    """

    turn: Turn
    not_run: Mapping[ToolCallId, str]


def cleaned(turn: Turn, *, max_calls: int) -> Cleaned:
    """The turn with each call at its place, with an id of its own, and which of them run.

    Not run are calls in a turn that ends the answer or may have none (`max_calls` 0), those beyond
    `max_calls`, those whose arguments are too large to be kept, and those that arrived cut off or
    broken. Texts that are too long to be kept end with a sentence that says so. Lone surrogates,
    which no store and no provider takes, become U+FFFD.
    """
    calls = _Calls(turn, max_calls)
    parts: list[Part] = []
    left_chars = MAX_TEXT_CHARS
    for part in turn.message.parts:
        match part:
            case TextPart(text):
                if left_chars >= 0 and text:  # below 0 once the sentence stands there
                    parts.append(TextPart(_kept_text(text, left_chars)))
                    left_chars -= len(text)
            case ThinkingPart():
                parts.append(part)
            case ToolCall():
                parts += calls.kept(part)
    for name, reason in _arrived_broken(turn):
        parts += calls.not_run(ToolCall(ToolCallId(""), name, {}), reason)
    return Cleaned(
        replace(
            turn, message=AssistantMessage(parts=tuple(parts)), dropped_calls=tuple(calls.dropped)
        ),
        calls.reasons,
    )


class _Calls:
    """The calls of one turn, as they are kept."""

    def __init__(self, turn: Turn, max_calls: int) -> None:
        self.reasons: dict[ToolCallId, str] = {}
        self.dropped: list[str] = []
        self._max_calls = max_calls
        self._used: set[str] = set()
        self._runs = 0
        self._none_runs: str | None = None
        if turn.stop_reason in ENDS_THE_ANSWER:
            self._none_runs = words.NOT_RUN_ENDED
        elif max_calls == 0:
            self._none_runs = words.NOT_RUN_LAST

    def kept(self, call: ToolCall) -> Iterable[ToolCall]:
        if not _is_storable(call):
            return self.not_run(replace(call, arguments={}), words.NOT_RUN_TOO_LARGE)
        if self._none_runs is not None:
            return self.not_run(call, self._none_runs)
        if self._runs >= self._max_calls:
            return self.not_run(call, words.not_run_too_many(self._max_calls))
        self._runs += 1
        return [self._own(call)]

    def not_run(self, call: ToolCall, reason: str) -> Iterable[ToolCall]:
        if len(self.reasons) >= MAX_NOT_RUN:
            self.dropped.append(call.name)
            return []
        own = self._own(call)
        self.reasons[own.call_id] = self._none_runs or reason
        return [own]

    def _own(self, call: ToolCall) -> ToolCall:
        call_id, count = call.call_id, 1
        while not call_id or call_id in self._used:
            count += 1
            call_id = ToolCallId(f"{call.call_id or 'call'}_{count}")
        self._used.add(call_id)
        arguments = cast("Mapping[str, Any]", _plain(dict(call.arguments)))
        return replace(call, call_id=call_id, arguments=arguments)


def _arrived_broken(turn: Turn) -> Iterable[tuple[str, str]]:
    """Calls of which the adapter has the name only; the last one may have met the length limit."""
    for left, name in zip(range(len(turn.dropped_calls), 0, -1), turn.dropped_calls, strict=True):
        is_cut = left == 1 and turn.stop_reason is StopReason.MAX_TOKENS
        yield name, words.NOT_RUN_CUT if is_cut else words.NOT_RUN_BROKEN


def _kept_text(text: str, left_chars: int) -> str:
    if len(text) <= left_chars:
        return without_surrogates(text)
    return f"{without_surrogates(text[:left_chars])}\n\n{words.TEXT_CUT}".lstrip("\n")


def _is_storable(call: ToolCall) -> bool:
    text = json.dumps(dict(call.arguments), ensure_ascii=False)
    return len(text.encode(errors="replace")) <= MAX_ARGUMENTS_BYTES


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
