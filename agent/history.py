"""From what was recorded to what a model accepts: a valid history at every moment.

Valid means: it starts with the user, the roles alternate, no text is empty, call ids are unique,
and each call has its result, first thing, in the next message. Cancels, crashes and errors leave
turns without results and messages without text; here those are filled in or left out, honestly.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from agent import words
from agent.digest import TouchesOf, digest, in_digest_chars, listing
from agent.exchanges import Answer, Exchange, exchanges_of
from agent.fitting import Cut, Fit, Start, TurnSize, cut_of, digest_chars, fitted, listing_chars
from agent.images import images_of, with_images_that_fit, without_images
from agent.plan import latest_plan
from agent.sizes import CHARS_PER_TOKEN, said_size, size_of
from agent.transcript import Answered, Asked, Condensed, Loaded, RecordedTurn, Steer
from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
    Image,
    ModelMessage,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tools.place import Touches

KEPT_OF_OLD_RESULT_CHARS = 400
LEAST_OF_NEW_RESULT_CHARS = 1_000

Part = TypeVar("Part", bound=TextPart | Image | ThinkingPart | ToolCall | ToolResult)

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")  # what Anthropic does not take in a call id
_MAX_ID_CHARS = 64


@dataclass(frozen=True)
class Remarks:
    """What the loop has to say to the model in the running answer, beside the results.

    `after` has what was said after a turn, by its number; -1 is before the first.
    """

    after: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    is_last_turn: bool = False
    forbids_calls: bool = False

    def and_after(self, number: int, text: str) -> "Remarks":
        """With one more remark; what was said before stays where it was said."""
        said = (*self.after.get(number, ()), text)
        return replace(self, after={**self.after, number: said})

    def closing(self, *, forbids: bool) -> "Remarks":
        """The turn to come is the last one."""
        return replace(self, is_last_turn=True, forbids_calls=forbids)


def _touches_nothing(_name: str, _arguments: Mapping[str, Any]) -> Touches:
    return Touches()


@dataclass(frozen=True)
class History:
    """The messages for a turn; `is_shortened`: they are not all that was said and done.

    `chars` is about what they come to. `is_as_before`: nothing is shortened beside what the newest
    summary stands for.
    """

    messages: tuple[ModelMessage, ...]
    is_shortened: bool
    chars: int
    is_as_before: bool


def build_history(
    loaded: Loaded,
    *,
    budget_tokens: int,
    remarks: Remarks = Remarks(),
    touches: TouchesOf = _touches_nothing,
) -> History:
    """The messages for the next turn.

    Over the budget, old results are shortened, then old turns are told in short (`touches` says
    which files their calls read and write), then the oldest exchanges are listed; see
    `agent.fitting`. The message to answer stays, whatever its size. New results that do not fit
    although all of that was done are shortened as well. What a summary stands for is told as if
    that had been over the budget, and the summary before it.
    """
    budget_chars = budget_tokens * CHARS_PER_TOKEN
    exchanges = exchanges_of(loaded)
    condensed = loaded.condensed
    start = start_of(loaded)
    untold = _size_said(loaded.untold)
    fit = fitted(exchanges, turn_sizes(exchanges), budget_chars, start, untold=untold)
    told = _Told(
        fit,
        remarks,
        touches,
        digest_chars=digest_chars(budget_chars),
        thoughts_from=0 if condensed is None else _position_of(condensed, loaded, exchanges),
    )
    merged = fit.cut.merged
    messages: list[ModelMessage] = []
    if merged or loaded.is_cut:
        chars = listing_chars(budget_chars)
        messages.append(listing(exchanges[:merged], touches, chars=chars, is_cut=loaded.is_cut))
    if condensed is not None:
        messages.append(_user(words.condensed(condensed.text)))
    plan = latest_plan(_left_out(exchanges, fit.cut), chars=plan_chars(budget_chars))
    if plan is not None:
        messages.append(_user(plan))
    for exchange in exchanges[:merged]:
        told.skip(exchange)
    for exchange in exchanges[merged:]:
        messages += told.messages(exchange)
    messages += _said(loaded.untold)
    fitting = _with_new_results_that_fit(messages, budget_chars)
    shown = with_images_that_fit(fitting)
    is_shortened = loaded.is_cut or fit.cut != Cut() or fitting is not messages
    is_as_before = fit.cut == cut_of(exchanges, start)
    return History(_with_unique_ids(alternating(shown)), is_shortened, fit.chars, is_as_before)


def turn_sizes(exchanges: Sequence[Exchange]) -> list[TurnSize]:
    """Those of all turns, in order."""
    return [
        _turn_size(recorded)
        for exchange in exchanges
        for answer in exchange.answers
        for recorded in answer.turns
    ]


def plan_chars(budget: int) -> int:
    """How long the plan may be that is told for turns that are left out."""
    return min(4_000, budget // 16)


def _left_out(exchanges: Sequence[Exchange], cut: Cut) -> list[RecordedTurn]:
    """The turns whose calls are not told any more."""
    turns = [turn for exchange in exchanges for answer in exchange.answers for turn in answer.turns]
    return turns[: cut.digested]


def start_of(loaded: Loaded) -> Start:
    """What the newest summary stands for."""
    known = loaded.condensed
    if known is None:
        return Start()
    questions = sum(isinstance(item, Asked) for item in loaded.past[: known.past])
    return Start(questions, known.turns, len(words.condensed(known.text)))


class _Told:
    """The conversation as it is told under a cut, exchange by exchange.

    `thoughts_from`: those of turns before that position go, because a summary has come before them.
    """

    def __init__(
        self,
        fit: Fit,
        remarks: Remarks,
        touches: TouchesOf,
        *,
        digest_chars: int,
        thoughts_from: int,
    ) -> None:
        self._thoughts_from = thoughts_from
        self._fit = fit
        self._digest_chars = digest_chars
        self._remarks = remarks
        self._touches = touches
        self._position = 0  # of the next turn

    def skip(self, exchange: Exchange) -> None:
        """The exchange is not told."""
        self._position += sum(len(answer.turns) for answer in exchange.answers)

    def messages(self, exchange: Exchange) -> list[ModelMessage]:
        """The question and what came after it."""
        messages: list[ModelMessage] = [_user(exchange.question, exchange.images)]
        for answer in exchange.answers:
            messages += self._answer(answer)
        return messages

    def _answer(self, answer: Answer) -> list[ModelMessage]:
        in_digest = max(0, min(len(answer.turns), self._fit.cut.digested - self._position))
        self._position += in_digest
        messages = digest(answer.turns[:in_digest], self._touches, chars=self._digest_chars)
        for recorded in answer.turns[:in_digest]:
            messages += _said(recorded.steers)
        if answer.is_running and not in_digest:
            messages += map(_user, self._remarks.after.get(-1, ()))
        for recorded in answer.turns[in_digest:]:
            messages += self._turn(recorded, is_running=answer.is_running)
        if answer.ended:
            messages.append(_user(answer.ended))
        return messages

    def _turn(self, recorded: RecordedTurn, *, is_running: bool) -> list[ModelMessage]:
        """A thought is bound to all that stood before it, so it goes when that was shortened."""
        position = self._position
        self._position += 1
        is_unchanged = (
            self._fit.before[position] == self._fit.cut and position >= self._thoughts_from
        )
        messages = _of_turn(recorded, keep_thinking=is_unchanged)
        messages[:0] = _said(recorded.steers)
        if not is_running:
            messages[:0] = map(_user, recorded.remarks)
        if position < self._fit.cut.brief:
            messages = [_shortened(message) for message in messages]
        if is_running:
            messages += map(_user, self._remarks.after.get(recorded.number, ()))
        return messages


def _position_of(condensed: Condensed, loaded: Loaded, exchanges: Sequence[Exchange]) -> int:
    """How many turns had been made when the summary was."""
    made_in = len(loaded.past) if condensed.made_in is None else condensed.made_in
    first = next(n for n, item in enumerate(loaded.past) if isinstance(item, Asked))
    before = sum(isinstance(item, Answered) for item in loaded.past[first:made_in])
    answers = [answer for exchange in exchanges for answer in exchange.answers]
    return sum(len(answer.turns) for answer in answers[:before]) + condensed.made_at


def _turn_size(recorded: RecordedTurn) -> TurnSize:
    messages = _of_turn(recorded, keep_thinking=True)
    brief = size_of(map(_shortened, messages))
    said = _size_said(recorded.steers)
    return TurnSize(size_of(messages), brief, in_digest_chars(recorded), said)


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
            # The proof is what a provider asks for, and it is bound to all that stood before it.
            return keep_thinking and bool(part.signature)
        case ToolCall():
            return True


def _result(recorded: RecordedTurn, call: ToolCall) -> ToolResult:
    output = recorded.outputs.get(call.call_id)
    if output is not None:
        return ToolResult(call.call_id, output.text, output.is_error, images_of(output))
    if call.call_id in recorded.not_run:
        text = recorded.not_run[call.call_id]
    else:
        text = words.INTERRUPTED if call.call_id in recorded.started else words.NEVER_RAN
    return ToolResult(call_id=call.call_id, text=text, is_error=True)


def _shortened(message: ModelMessage) -> ModelMessage:
    """The message with the beginning of each result only."""
    if not isinstance(message, UserMessage):
        return message
    return UserMessage(parts=tuple(_shorter(part) for part in message.parts))


def _shorter(part: TextPart | Image | ToolResult) -> TextPart | Image | ToolResult:
    if not isinstance(part, ToolResult):
        return part
    part = without_images(part)
    if len(part.text) <= KEPT_OF_OLD_RESULT_CHARS * 2:
        return part
    return replace(part, text=words.result_cut(part.text, KEPT_OF_OLD_RESULT_CHARS))


def _with_new_results_that_fit(
    messages: list[ModelMessage], budget_chars: int
) -> list[ModelMessage]:
    """The largest results of the latest turn are cut to one length, as far as the budget asks."""
    over_chars = size_of(messages) - budget_chars
    at = _latest_results(messages)
    if over_chars <= 0 or at is None:
        return messages
    sizes = sorted(len(part.text) for part in messages[at].parts if isinstance(part, ToolResult))
    kept_chars = max(_cap(sizes, sum(sizes) - over_chars), LEAST_OF_NEW_RESULT_CHARS)
    parts = tuple(_capped(part, kept_chars) for part in messages[at].parts)
    fitting = list(messages)
    fitting[at] = UserMessage(
        parts=tuple(p for p in parts if isinstance(p, TextPart | Image | ToolResult))
    )
    return fitting


def _latest_results(messages: Sequence[ModelMessage]) -> int | None:
    """Where the results are that no turn of the model follows."""
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(messages[at], AssistantMessage):
            return None
        if any(isinstance(part, ToolResult) for part in messages[at].parts):
            return at
    return None


def _cap(sizes: Sequence[int], room: int) -> int:
    """The length to which the largest must be cut so that all fit into `room`."""
    for done, size in enumerate(sizes):
        share = max(room, 0) // (len(sizes) - done)
        if size > share:
            return share
        room -= size
    return max(sizes, default=0)


def _capped(part: Part, kept_chars: int) -> Part:
    if not isinstance(part, ToolResult) or len(part.text) <= kept_chars:
        return part
    return replace(part, text=words.results_too_large(part.text, kept_chars))


def alternating(messages: Iterable[ModelMessage]) -> list[ModelMessage]:
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


def _said(steers: Iterable[Steer]) -> list[ModelMessage]:
    return [_user(steer.text, steer.images) for steer in steers]


def _size_said(steers: Iterable[Steer]) -> int:
    return sum(said_size(steer.text, steer.images) for steer in steers)


def _user(text: str, images: tuple[Image, ...] = ()) -> UserMessage:
    return UserMessage(parts=(*images, TextPart(text)))
