"""Writes one answer as chunks of a UI message stream: what was told, and what comes next.

A turn of the model is a step. A step is told in this order: reasoning and text as they come, calls
while they are written, calls when they are whole, what the person is asked, results. All results of
a step are told before the next one begins, so who has so many steps has all of those before the
last one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.http.chat import chunks
from app.http.chat.chunks import Chunk
from store.records import Ask, DeltaRun, Message, ShownPart, ToolCallRecord

RUNNING = frozenset({"output", "outputReset"})
"""Kinds of deltas that a call has while it runs: it is whole then, and all text before it."""


@dataclass(frozen=True)
class Records:
    """What is on record of an answer, and what was asked in its conversation."""

    calls: Sequence[ToolCallRecord] = ()
    asks: Sequence[Ask] = ()


@dataclass
class CallWritten:
    """What was written of a call."""

    is_whole: bool = False
    is_asked: bool = False
    is_replied: bool = False
    has_result: bool = False


@dataclass(frozen=True)
class StepWritten:
    """What was written of a step: `open_kind` is of a text that goes on.

    `is_whole`: all of its text, whatever comes of it again.
    """

    open_kind: str = ""
    has_text: bool = False
    has_any: bool = False
    is_whole: bool = False


@dataclass
class Known:
    """What a reader who comes back has: the steps before `step`, and so much of that one."""

    step: int = -1
    written: StepWritten = StepWritten()
    calls: dict[str, CallWritten] = field(default_factory=dict[str, CallWritten])


class ChunkWriter:
    """Makes chunks of what happens; it decides on values alone."""

    def __init__(self, message: Message, known: Known | None = None) -> None:
        known = known or Known()
        self._message = message
        self._step = known.step
        self._written = known.written
        self._calls: dict[str, CallWritten] = known.calls
        self._asks: dict[str, str] = {}
        self._is_rewritten = False

    @property
    def place(self) -> tuple[int, StepWritten]:
        """So many steps were begun, less one, and what was written of the last."""
        return self._step, self._written

    @property
    def is_unsettled(self) -> bool:
        """A call of this step has no result yet."""
        return any(not call.has_result for call in self._calls.values())

    def is_next(self, part: int) -> bool:
        """Whether a part belongs to a step that has not begun."""
        return part > self._step

    def begin(self) -> Iterator[Chunk]:
        """The message begins, or goes on."""
        yield chunks.start(self._message)

    def text(self, part: int, text: str) -> Iterator[Chunk]:
        """The next characters of the prose."""
        yield from self._said("text", part, text)

    def shown(self, run: DeltaRun) -> Iterator[Chunk]:
        """Anything else that is streamed."""
        if run.kind == "thinking":
            yield from self._said("reasoning", run.part, run.text)
        is_past = self._is_past(run.part) if run.kind not in RUNNING else run.part < self._step
        if is_past or run.kind in {"text", "thinking", "reset"}:
            return
        yield from self._advance(run.part)
        call_id = str(run.tool_call_id)
        match run.kind:
            case "condensing":
                yield chunks.condensing(run.part)
            case "toolCall":
                yield from self._close()
                self._calls[call_id] = CallWritten()
                self._written = replace(self._written, has_any=True)
                yield chunks.input_start(call_id, run.text)
            case "toolInput":
                self._calls.setdefault(call_id, CallWritten())
                yield chunks.input_delta(call_id, run.text)
            case "output":
                yield chunks.output(call_id, text=run.text)
            case _:
                yield chunks.output(call_id, isReset=True)

    def taken_back(self, part: int) -> Iterator[Chunk]:
        """Parts from this one on come anew; of steps that are done the same comes again."""
        if part > self._step:
            return
        yield from self._reset()

    def rewritten(self) -> None:
        """What stands at the end is another text than the one that was told."""
        self._is_rewritten = True

    def recorded(self, records: Records, *, is_over: bool = False) -> Iterator[Chunk]:
        """What has become of the calls, and of what the person was asked."""
        mine = self._message.message_id
        asked = {
            (ask.turn, ask.tool_call_id): ask
            for ask in records.asks
            if ask.message_id == mine and ask.kind == "approval"
        }
        known: set[str] = set()
        for record in records.calls:
            if record.turn != self._step:
                continue
            known.add(record.tool_call_id)
            yield from self._call(record, asked.get((record.turn, record.tool_call_id)))
        yield from self._other_asks(records.asks)
        if is_over:
            yield from self._drop(known)

    def end_of_step(self, records: Records) -> Iterator[Chunk]:
        """What is on record of a step that is done, before the next one."""
        yield from self.recorded(records, is_over=True)

    def waits(self, records: Records, parts: Sequence[ShownPart]) -> Iterator[Chunk]:
        """The stream ends until the person has answered.

        A call that waits behind the one they are asked about is not shown until then: a page sends
        the answer when each call that it shows has a result or an answer.
        """
        mine = {record.tool_call_id for record in records.calls if record.turn == self._step}
        asked = {ask.tool_call_id for ask in self._open_asks(records)}
        hidden = [
            call_id
            for call_id, call in self._calls.items()
            if not call.has_result and call_id in mine and call_id not in asked
        ]
        if hidden:
            yield from self._again(records, parts, hidden)
        yield from self._close()
        yield {"type": "finish-step"}
        yield {"type": "finish", "finishReason": "tool-calls"}

    def waiting_for_person(self, records: Records) -> bool:
        """Whether nothing of this step goes on before the person has answered what it asks."""
        running = (
            record.status == "running" and record.turn == self._step for record in records.calls
        )
        return bool(self._open_asks(records)) and not any(running)

    def ended(
        self, message: Message, records: Records, parts: Sequence[ShownPart]
    ) -> Iterator[Chunk]:
        """The end; first, from record, what was not told of it."""
        if self._is_rewritten and self._step >= 0:
            yield from self._reset()
        yield from self._rest(message, records, parts)
        yield from self.recorded(records, is_over=True)
        yield from self._close()
        if self._step >= 0:
            yield {"type": "finish-step"}
        yield from chunks.end(message)

    def _said(self, kind: str, part: int, text: str) -> Iterator[Chunk]:
        if self._is_past(part):
            return
        yield from self._advance(part)
        if kind == "text" and not self._written.has_text:
            text = text.lstrip("\n")  # what sets it off from the text of the turn before
        if not text:
            return
        if self._written.open_kind != kind:
            yield from self._close()
            has_text = self._written.has_text or kind == "text"
            self._written = StepWritten(kind, has_text, has_any=True)
            yield {"type": f"{kind}-start", "id": self._id}
        yield {"type": f"{kind}-delta", "id": self._id, "delta": text}

    @property
    def _id(self) -> str:
        return f"{self._written.open_kind}-{self._step}"

    def _is_past(self, part: int) -> bool:
        return part < self._step or (part == self._step and self._written.is_whole)

    def _advance(self, part: int) -> Iterator[Chunk]:
        while self._step < part:
            yield from self._close()
            if self._step >= 0:
                yield {"type": "finish-step"}
            self._step += 1
            self._forget_step()
            yield {"type": "start-step"}

    def _forget_step(self) -> None:
        self._written = StepWritten()
        self._calls = {}

    def _close(self) -> Iterator[Chunk]:
        if self._written.open_kind:
            yield {"type": f"{self._written.open_kind}-end", "id": self._id}
            self._written = replace(self._written, open_kind="")

    def _reset(self) -> Iterator[Chunk]:
        self._forget_step()
        yield {"type": "reset-step"}

    def _again(
        self, records: Records, parts: Sequence[ShownPart], hidden: Sequence[str]
    ) -> Iterator[Chunk]:
        """The step anew, without the hidden calls; its text is told from record."""
        yield from self._close()
        yield from self._reset()
        for part in parts:
            if part.turn == self._step:
                yield from self._part(part)
        shown = [record for record in records.calls if record.tool_call_id not in hidden]
        yield from self.recorded(Records(shown, records.asks))

    def _part(self, part: ShownPart) -> Iterator[Chunk]:
        match part.type:
            case "text":
                yield from self._said("text", part.turn, part.text or "")
            case "thinking":
                yield from self._said("reasoning", part.turn, part.text or "")
            case "toolCall":
                yield from self._advance(part.turn)

    def _call(self, record: ToolCallRecord, ask: Ask | None) -> Iterator[Chunk]:
        call = self._calls.setdefault(record.tool_call_id, CallWritten())
        if not call.is_whole:
            yield from self._close()
            call.is_whole = True
            self._written = replace(self._written, has_any=True)
            yield chunks.input_available(record)
        if call.has_result:
            return
        if ask is not None:
            yield from self._approval(call, ask)
        if record.status in chunks.SETTLED:
            call.has_result = True
            yield from chunks.results(record, ask)

    def _approval(self, call: CallWritten, ask: Ask) -> Iterator[Chunk]:
        if not call.is_asked:
            call.is_asked = True
            yield chunks.approval_request(ask)
        response = chunks.approval_response(ask)
        if response is not None and not call.is_replied:
            call.is_replied = True
            yield response

    def _other_asks(self, asks: Iterable[Ask]) -> Iterator[Chunk]:
        """Questions, budgets, and what sub-agents ask: the parts of calls have no place for it."""
        for ask in asks:
            is_mine = ask.message_id == self._message.message_id
            if is_mine and ask.kind == "approval":
                continue
            known = self._asks.get(ask.ask_id)
            is_new = known is None and (is_mine or ask.status == "open")
            if is_new or (known is not None and known != ask.status):
                self._asks[ask.ask_id] = ask.status
                yield chunks.asked(ask)

    def _open_asks(self, records: Records) -> list[Ask]:
        """What this step asks with a call of its own."""
        return [
            ask
            for ask in records.asks
            if ask.status == "open"
            and ask.message_id == self._message.message_id
            and ask.turn == self._step
            and ask.kind != "budget"
        ]

    def _drop(self, known: set[str]) -> Iterator[Chunk]:
        """Calls that were written and are not on record: the turn was cut, or too many."""
        for call_id, call in self._calls.items():
            if call_id not in known and not call.has_result:
                call.has_result = True
                yield chunks.never_run(call_id)

    def _rest(
        self, message: Message, records: Records, parts: Sequence[ShownPart]
    ) -> Iterator[Chunk]:
        is_empty = self._step >= 0 and not self._written.has_any  # it was taken back
        begins_at = self._step if is_empty else self._step + 1
        for part in parts:
            if part.turn < begins_at:
                continue
            if self.is_next(part.turn):
                yield from self.end_of_step(records)
            yield from self._part(part)
        tail = _tail(message.content, parts)
        next_turn = max((part.turn for part in parts), default=-1) + 1
        if tail and next_turn >= begins_at:
            if self.is_next(next_turn):
                yield from self.end_of_step(records)
            yield from self._said("text", next_turn, tail)


def _tail(content: str, parts: Sequence[ShownPart]) -> str:
    """What an answer that broke off has said after its last whole turn."""
    at = 0
    for part in parts:
        if part.type == "text" and part.text:
            found = content.find(part.text, at)
            if found < 0:
                return ""
            at = found + len(part.text)
    return content[at:].strip("\n")
