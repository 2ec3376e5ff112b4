"""What was done, in short: for the turns and exchanges that a request leaves out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent import words
from agent.exchanges import Exchange
from agent.transcript import PARAGRAPH, RecordedTurn, text_of_turn
from llm.model import AssistantMessage, ModelMessage, TextPart, ToolCall, UserMessage
from tools.place import Touches

TouchesOf = Callable[[str, Mapping[str, Any]], Touches]

PROSE_CHARS = 1_500
_REQUEST_CHARS = 300  # of a request in the listing of the oldest exchanges
_ITEM_CHARS = 120
_SHARES = {  # of the characters of a digest; what is left is for the prose
    "Read": 0.24,
    "Changed": 0.24,
    "Ran": 0.1,
    "Called": 0.04,
    "Not done": 0.16,
}


@dataclass
class Done:
    """What calls came to. Dicts are sets that keep the order."""

    reads: dict[str, None] = field(default_factory=dict[str, None])
    writes: dict[str, None] = field(default_factory=dict[str, None])
    commands: dict[str, None] = field(default_factory=dict[str, None])
    others: dict[str, None] = field(default_factory=dict[str, None])
    undone: dict[str, str] = field(default_factory=dict[str, str])  # why, by what

    def add(self, recorded: RecordedTurn, touches: TouchesOf) -> None:
        """Count the calls of a turn."""
        for part in recorded.turn.message.parts:
            if isinstance(part, ToolCall):
                self._add_call(recorded, part, touches(part.name, part.arguments))

    def _add_call(self, recorded: RecordedTurn, call: ToolCall, touched: Touches) -> None:
        what = _named(call, touched)
        why = _why_undone(recorded, call)
        if why is not None:
            self.undone[what] = why
            return
        self.undone.pop(what, None)
        for path in sorted(touched.writes):
            self.writes[path or "."] = None
        for path in sorted(touched.reads - touched.writes):
            self.reads[path or "."] = None
        command = call.arguments.get("command")
        if isinstance(command, str):
            self.commands[_shortened(command, _ITEM_CHARS)] = None
        elif not touched.reads and not touched.writes:
            self.others[call.name] = None

    def lines(self, chars: int) -> list[str]:
        """A line for each kind of thing that was done, all together within so many characters."""
        undone = {f"{what} ({why})": None for what, why in self.undone.items()}
        kinds = {
            "Read": {path: None for path in self.reads if path not in self.writes},
            "Changed": self.writes,
            "Ran": self.commands,
            "Called": self.others,
            "Not done": undone,
        }
        return [
            f"{kind}: {_listed(items, int(_SHARES[kind] * chars))}"
            for kind, items in kinds.items()
            if items
        ]


def digest(turns: Sequence[RecordedTurn], touches: TouchesOf, *, chars: int) -> list[ModelMessage]:
    """Turns in short: what was said, and what was done; nothing for no turns."""
    messages: list[ModelMessage] = []
    prose = PARAGRAPH.join(text for text in map(_said, turns) if text)
    if prose:
        kept = _middle_out(prose, min(PROSE_CHARS, chars // 5))
        messages.append(AssistantMessage(parts=(TextPart(kept),)))
    done = Done()
    for recorded in turns:
        done.add(recorded, touches)
    lines = done.lines(chars)
    if lines:
        messages.append(UserMessage(parts=(TextPart(words.digested(lines)),)))
    return messages


def listing(
    exchanges: Sequence[Exchange], touches: TouchesOf, *, chars: int, is_cut: bool
) -> UserMessage:
    """The oldest exchanges in one message: what was asked, and what was done in all of them.

    The first request stays, and the latest ones that fit; how many are missing is said.
    """
    done = Done()
    for exchange in exchanges:
        for answer in exchange.answers:
            for recorded in answer.turns:
                done.add(recorded, touches)
    requests = [text for exchange in exchanges for text in _asked(exchange)]
    lines = done.lines(chars * 2 // 3)
    left_chars = chars - sum(map(len, lines)) - len(words.listed([], [], is_cut=is_cut))
    latest: list[str] = []
    for request in reversed(requests[1:]):
        left_chars -= len(request)
        if left_chars < 0:
            break
        latest.insert(0, request)
    missing = len(requests) - 1 - len(latest)
    asked = [*requests[:1], *([f"({missing} more requests)"] if missing > 0 else []), *latest]
    return UserMessage(parts=(TextPart(words.listed(asked, lines, is_cut=is_cut)),))


def _asked(exchange: Exchange) -> list[str]:
    """The question, and what the person said while it was being answered."""
    turns = [recorded for answer in exchange.answers for recorded in answer.turns]
    steers = [steer.text for recorded in turns for steer in recorded.steers]
    asked = [_shortened(text, _REQUEST_CHARS) for text in (exchange.question, *steers)]
    if exchange.attached:
        asked[0] += f" [attached: {_shortened(exchange.attached, _ITEM_CHARS)}]"
    return asked


def in_digest_chars(recorded: RecordedTurn) -> int:
    """About how much a turn adds to a digest."""
    calls = sum(isinstance(part, ToolCall) for part in recorded.turn.message.parts)
    return calls * 60 + min(len(text_of_turn(recorded.turn)), PROSE_CHARS) + 20


def _said(recorded: RecordedTurn) -> str:
    return text_of_turn(recorded.turn).strip()


def _named(call: ToolCall, touched: Touches) -> str:
    command = call.arguments.get("command")
    if isinstance(command, str):
        return _shortened(f"{call.name} {command}", _ITEM_CHARS)
    paths = sorted(touched.writes or touched.reads)
    return " ".join([call.name, *(path or "." for path in paths)])


def _why_undone(recorded: RecordedTurn, call: ToolCall) -> str | None:
    output = recorded.outputs.get(call.call_id)
    if output is not None and not output.is_error:
        return None
    if output is not None:
        first = output.text.strip().split("\n")[0]
        return f"failed: {_shortened(first, _ITEM_CHARS)}" if first else "failed"
    if call.call_id in recorded.started:
        return "interrupted"
    return "never ran"


def _listed(items: Iterable[str], chars: int) -> str:
    """The latest that fit, in their order, and how many more there are."""
    names = list(items)
    left_chars = chars
    kept: list[str] = []
    for name in reversed(names):
        left_chars -= len(name) + 2
        if left_chars < 0 and kept:
            break
        kept.insert(0, name)
    more = len(names) - len(kept)
    return ", ".join(kept) + (f" and {more} more" if more else "")


def _shortened(text: str, chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= chars else f"{line[: chars - 1]}…"


def _middle_out(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    head = chars // 3
    return f"{text[:head]}\n{words.MIDDLE_LEFT_OUT}\n{text[-(chars - head) :]}"
