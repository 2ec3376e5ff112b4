"""The port to what is recorded of a conversation, and what the loop keeps there turn by turn."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from core.ids import MessageId, ToolCallId
from llm.model import Image, TextPart, ToolCall, Turn, Usage
from tools.diffs import diff_parts
from tools.output import Part, ToolOutput
from tools.place import Place, Provided, Seen, Touches
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.port import Workspace
from tools.workspace.staged import StagedWorkspace


@dataclass(frozen=True)
class Steer:
    """What the person said for an answer while it was being written."""

    message_id: MessageId
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class RecordedTurn:
    """One turn of the model with what became of its tool calls.

    A call in `started` but not in `outputs` was running when its process died or the run was
    cancelled; it may have had its effect. A call in `not_run` never runs: the text says why.
    `remarks` are what the loop said to the model before the turn, and `steers` what the person did.
    """

    number: int
    turn: Turn
    started: frozenset[ToolCallId] = frozenset()
    outputs: Mapping[ToolCallId, ToolOutput] = field(default_factory=dict[ToolCallId, ToolOutput])
    not_run: Mapping[ToolCallId, str] = field(default_factory=dict[ToolCallId, str])
    remarks: tuple[str, ...] = ()
    steers: tuple[Steer, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A message of the person, with the images that it shows to a model.

    `attached` names in short what is attached to it, for when its text is told no more.
    """

    text: str
    images: tuple[Image, ...] = ()
    attached: str = ""


@dataclass(frozen=True)
class Answered:
    """An earlier answer as it ended.

    `text` is what the person saw, that of unfinished turns included. `error` says in the person's
    words why a failed answer failed. Of a `is_brief` one the results of calls are missing: it is
    too far back to be read whole.
    """

    status: Literal["completed", "failed", "cancelled"]
    text: str
    turns: tuple[RecordedTurn, ...] = ()
    error: str = ""
    is_brief: bool = False


Past = Asked | Answered


@dataclass(frozen=True)
class Condensed:
    """A summary that stands for the beginning of a conversation.

    It covers the first `past` messages, which end before a question, and so many `turns` that
    followed that question. It was made before turn `made_at` of the answer that stands at `made_in`
    in the past; None: of the one that is being written. `usage` and `model` are those of its
    writing.
    """

    text: str
    past: int
    turns: int = 0
    made_at: int = 0
    made_in: int | None = None
    usage: Usage = field(default_factory=Usage)
    model: str = ""


@dataclass(frozen=True)
class Loaded:
    """What is known when (a part of) a run begins.

    `past` is the conversation from the oldest message on and ends with the message to answer;
    `turns` is what an earlier attempt at this same answer has recorded, in order. `is_cut`: still
    older messages were not read. `waiting_until`: before that the provider must not be asked.
    `condensed`: the newest summary of its beginning. `untold`: what the person has said since the
    last turn, which is told with the next one.
    """

    past: tuple[Past, ...]
    turns: tuple[RecordedTurn, ...] = ()
    is_cut: bool = False
    waiting_until: datetime | None = None
    condensed: Condensed | None = None
    untold: tuple[Steer, ...] = ()


Work = Callable[[Place], Awaitable[ToolOutput]]


class Transcript(Protocol):
    """Where the turns of the answer that is being written are kept.

    The loop calls it inside durable steps only. Every write must be safe to make twice.
    """

    async def load(self, *, whole_chars: int) -> Loaded:
        """Read the conversation; may be called again after a failed write.

        The newest messages come whole, up to about `whole_chars` characters; older ones may be
        brief.
        """
        ...

    async def append_turn(self, recorded: RecordedTurn) -> None:
        """Record a finished turn, of whose calls none has run; numbers count from 0, no gap.

        With it, in one write, that the model was told its `steers`. What the sink was told of it
        is shown by then.
        """
        ...

    def steers(self) -> tuple[Steer, ...]:
        """What the person says meanwhile, in order, as far as the calls here have come to know it.

        Some of it may have been told already: it is in the recorded turns then.
        """
        ...

    async def append_condensed(self, condensed: Condensed) -> None:
        """Record a summary; the first one that was made before a turn stays."""
        ...

    async def wait_until(self, until: datetime | None) -> None:
        """Record, and show, that the provider is waited for; None: no more."""
        ...

    async def rehearse(self, work: Work, *, seen: Seen) -> tuple[Part, ...]:
        """What the work of a call would change, as people see it; nothing of it is kept."""
        ...

    async def folder(self) -> Path | None:
        """The newest files on disk, to be looked at; None where they are on none."""
        ...

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        """Record that the call, which is part of turn `number`, is about to run; where it works.

        The place has the newest files. `seen` is the run's, for `Place.seen`; `given` is what its
        tool may ask for besides, in this call alone. What follows is
        `finish_call`, or `drop_call` if the call is interrupted.
        """
        ...

    def drop_call(self, call: ToolCall) -> None:
        """The call did not come to an end: what it has changed is not kept."""
        ...

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """Record the result and what the call changed in its place, unless there is a result.

        From then on the call never runs again. What is on record comes back: another output than
        the one given if the call had finished before, or if its changes could not be kept.
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
    """A transcript in memory: `past` is fixed, turns are added. All calls work in one workspace."""

    def __init__(
        self,
        past: Sequence[Past],
        turns: Sequence[RecordedTurn] = (),
        workspace: Workspace | None = None,
    ) -> None:
        self.past = tuple(past)
        self.workspace = workspace or MemoryWorkspace()
        self.turns = list(turns)
        self.waits: list[datetime | None] = []
        self.condensed: list[Condensed] = []
        self.said: list[Steer] = []

    async def load(self, *, whole_chars: int) -> Loaded:  # noqa: ARG002 - all of it is here
        """What was recorded so far."""
        return Loaded(
            self.past,
            tuple(self.turns),
            waiting_until=self.waits[-1] if self.waits else None,
            condensed=self.condensed[-1] if self.condensed else None,
        )

    async def append_turn(self, recorded: RecordedTurn) -> None:
        """Add the turn, unless it is there."""
        number = recorded.number
        if number < len(self.turns):
            return
        if number > len(self.turns):
            raise ValueError(f"turn {number} would leave a gap after {len(self.turns)} turns")
        self.turns.append(recorded)

    def steers(self) -> tuple[Steer, ...]:
        """All that was said."""
        return tuple(self.said)

    async def append_condensed(self, condensed: Condensed) -> None:
        """Keep the summary, unless there is one of this turn of the answer."""
        if not any(known.made_at == condensed.made_at for known in self.condensed):
            self.condensed.append(condensed)

    async def wait_until(self, until: datetime | None) -> None:
        """Note the wait."""
        self.waits.append(until)

    async def rehearse(self, work: Work, *, seen: Seen) -> tuple[Part, ...]:
        """A diff for each file that it would change."""
        stage = StagedWorkspace(self.workspace)
        await work(Place(stage, Seen(seen)))
        paths = stage.changed_paths()
        changes = [await stage.change_of(path) for path in paths]
        return await diff_parts(changes, of=len(paths))

    async def folder(self) -> Path | None:
        """They are on no disk."""
        return None

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,  # noqa: ARG002 - the port's shape
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        """Mark the call as running."""
        recorded = self.turns[number]
        self.turns[number] = replace(recorded, started=recorded.started | {call.call_id})
        return Place(self.workspace, seen, need=Provided(*given))

    def drop_call(self, call: ToolCall) -> None:
        """What was written is in the workspace, and stays."""

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """Keep the first result of the call."""
        recorded = self.turns[number]
        self.turns[number] = replace(recorded, outputs={call.call_id: output, **recorded.outputs})
        return self.turns[number].outputs[call.call_id]
