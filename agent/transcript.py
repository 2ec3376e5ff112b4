"""The port to what is recorded of a conversation, and what the loop keeps there turn by turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.ids import ToolCallId
from llm.model import TextPart, ToolCall, Turn
from tools.tool import ToolOutput


@dataclass(frozen=True)
class RecordedTurn:
    """One turn of the model with what became of its tool calls.

    A call in `started` but not in `outputs` was running when its process died or the run was
    cancelled; it may have had its effect.
    """

    number: int
    turn: Turn
    started: frozenset[ToolCallId] = frozenset()
    outputs: Mapping[ToolCallId, ToolOutput] = field(default_factory=dict[ToolCallId, ToolOutput])


@dataclass(frozen=True)
class Asked:
    """A message of the person."""

    text: str


@dataclass(frozen=True)
class Answered:
    """An earlier answer as it ended.

    `text` is what the person saw, that of unfinished turns included. `error` says in the person's
    words why a failed answer failed.
    """

    status: Literal["completed", "failed", "cancelled"]
    text: str
    turns: tuple[RecordedTurn, ...] = ()
    error: str = ""


Past = Asked | Answered


@dataclass(frozen=True)
class Loaded:
    """What is known when (a part of) a run begins.

    `past` is the conversation from the oldest message on and ends with the message to answer;
    `turns` is what an earlier attempt at this same answer has recorded, in order.
    """

    past: tuple[Past, ...]
    turns: tuple[RecordedTurn, ...] = ()


class Transcript(Protocol):
    """Where the turns of the answer that is being written are kept.

    The loop calls it inside durable steps only. Every write must be safe to make twice.
    """

    async def load(self) -> Loaded:
        """Read the conversation; may be called again after a failed write."""
        ...

    async def append_turn(self, number: int, turn: Turn) -> None:
        """Record the finished turn `number`; numbers count from 0 without a gap."""
        ...

    async def start_call(self, number: int, call: ToolCall) -> None:
        """Record that the call, which is part of turn `number`, is about to run."""
        ...

    async def finish_call(self, number: int, call_id: ToolCallId, output: ToolOutput) -> ToolOutput:
        """Record the result, unless there is one; from then on the call never runs again.

        What is on record comes back: another output than the one given if the call had finished
        before, or if its changes could not be kept.
        """
        ...


def text_of_turn(turn: Turn) -> str:
    """The prose of one turn."""
    return "".join(part.text for part in turn.message.parts if isinstance(part, TextPart))


def text_of_turns(turns: Sequence[RecordedTurn]) -> str:
    """The prose of several turns as the person saw it stream: turns are one blank line apart."""
    texts = (text_of_turn(recorded.turn) for recorded in turns)
    return PARAGRAPH.join(text for text in texts if text)


PARAGRAPH = "\n\n"
"""What stands between the texts of two turns, in the stream as in the final text."""


class MemoryTranscript:
    """A transcript in memory: `past` is fixed, turns are added."""

    def __init__(self, past: Sequence[Past], turns: Sequence[RecordedTurn] = ()) -> None:
        self.past = tuple(past)
        self.turns = list(turns)

    async def load(self) -> Loaded:
        """What was recorded so far."""
        return Loaded(past=self.past, turns=tuple(self.turns))

    async def append_turn(self, number: int, turn: Turn) -> None:
        """Add the turn, unless it is there."""
        if number < len(self.turns):
            return
        if number > len(self.turns):
            raise ValueError(f"turn {number} would leave a gap after {len(self.turns)} turns")
        self.turns.append(RecordedTurn(number=number, turn=turn))

    async def start_call(self, number: int, call: ToolCall) -> None:
        """Mark the call as running."""
        recorded = self.turns[number]
        self.turns[number] = RecordedTurn(
            number=number,
            turn=recorded.turn,
            started=recorded.started | {call.call_id},
            outputs=recorded.outputs,
        )

    async def finish_call(self, number: int, call_id: ToolCallId, output: ToolOutput) -> ToolOutput:
        """Keep the first result of the call."""
        recorded = self.turns[number]
        self.turns[number] = RecordedTurn(
            number=number,
            turn=recorded.turn,
            started=recorded.started,
            outputs={call_id: output, **recorded.outputs},
        )
        return self.turns[number].outputs[call_id]
