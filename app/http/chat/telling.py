"""One answer as chunks of a UI message stream: what was told, and what comes next.

A turn of the model is a step. A step is told in this order: reasoning and text as they come, calls
while they are written, calls when they are whole, what the person is asked, results. All results of
a step are told before the next one begins, so who has so many steps has all of those before the
last one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.http.asks import AskShown
from app.http.messages.wire import UsageAnswer
from store.records import Ask, DeltaRun, Message, MessageStatus, ShownPart, ToolCallRecord
from tools.plan import TODO_NAME
from tools.questions import ASK_USER_NAME

Chunk = dict[str, object]
SETTLED = frozenset({"completed", "failed", "cancelled", "skipped"})
NEVER_RUN = "This call was not run."
FAILED = "The answer failed"


@dataclass(frozen=True)
class Records:
    """What is on record of an answer, and what was asked in its conversation."""

    calls: Sequence[ToolCallRecord] = ()
    asks: Sequence[Ask] = ()


@dataclass
class CallTold:
    """What was told of a call."""

    is_whole: bool = False
    is_asked: bool = False
    is_replied: bool = False
    has_result: bool = False


@dataclass
class Known:
    """What a reader who comes back has: so many steps, and of the last one what is open.

    `is_told`: the text of that step is told whole. `calls` are those of the last step.
    """

    step: int = -1
    open_kind: str = ""
    is_told: bool = False
    calls: dict[str, CallTold] = field(default_factory=dict[str, CallTold])


class Telling:
    """Makes chunks of what happens; it decides on values alone."""

    def __init__(self, message: Message, known: Known | None = None) -> None:
        known = known or Known()
        self._message = message
        self._step = known.step
        self._open = known.open_kind
        self._is_told = known.is_told
        self._calls: dict[str, CallTold] = known.calls
        self._has_text = known.open_kind == "text"
        self._asks: dict[str, str] = {}
        self._texts: list[Chunk] = []  # of this step, to tell it again
        self._is_rewritten = False

    @property
    def place(self) -> tuple[int, str]:
        """So many steps were begun, less one; and which kind of text is open in the last."""
        return self._step, self._open

    @property
    def is_unsettled(self) -> bool:
        """A call of this step has no result yet."""
        return any(not call.has_result for call in self._calls.values())

    def is_next(self, part: int) -> bool:
        """Whether a part belongs to a step that has not begun."""
        return part > self._step

    def begin(self, **metadata: object) -> Iterator[Chunk]:
        """The message begins, or goes on."""
        message = self._message
        known = {"conversationId": message.conversation_id, "projectId": message.project_id}
        yield {
            "type": "start",
            "messageId": message.message_id,
            "messageMetadata": known | metadata,
        }

    def text(self, part: int, text: str) -> Iterator[Chunk]:
        """The next characters of the prose."""
        yield from self._said("text", part, text)

    def shown(self, run: DeltaRun) -> Iterator[Chunk]:
        """Anything else that is streamed."""
        if run.kind == "thinking":
            yield from self._said("reasoning", run.part, run.text)
        if self._is_past(run.part) or run.kind in {"text", "thinking", "reset"}:
            return
        yield from self._advance(run.part)
        if run.kind == "condensing":
            yield _data("condensing", {"turn": run.part}, f"condensing-{run.part}")
            return
        call_id = str(run.tool_call_id)
        match run.kind:
            case "toolCall":
                yield from self._close()
                self._calls[call_id] = CallTold()
                yield {"type": "tool-input-start", **_tool(call_id, run.text)}
            case "toolInput":
                self._calls.setdefault(call_id, CallTold())
                delta = {"toolCallId": call_id, "inputTextDelta": run.text}
                yield {"type": "tool-input-delta", **delta}
            case "output":
                yield _passing("output", {"toolCallId": call_id, "text": run.text})
            case _:
                yield _passing("output", {"toolCallId": call_id, "isReset": True})

    def taken_back(self, part: int) -> Iterator[Chunk]:
        """Parts from this one on come anew; of steps that are done the same comes again."""
        if part > self._step:
            return
        self._is_told = False
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

    def waits(self, records: Records) -> Iterator[Chunk]:
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
            yield from self._again(records, hidden)
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
        yield from _end(message)

    def _said(self, kind: str, part: int, text: str) -> Iterator[Chunk]:
        if self._is_past(part):
            return
        yield from self._advance(part)
        if kind == "text" and not self._has_text:
            text = text.lstrip("\n")  # what sets it off from the text of the turn before
        if not text:
            return
        if self._open != kind:
            yield from self._close()
            self._open = kind
            yield self._keep({"type": f"{kind}-start", "id": self._id})
        self._has_text = self._has_text or kind == "text"
        yield self._keep({"type": f"{kind}-delta", "id": self._id, "delta": text})

    @property
    def _id(self) -> str:
        return f"{self._open}-{self._step}"

    def _keep(self, chunk: Chunk) -> Chunk:
        self._texts.append(chunk)
        return chunk

    def _is_past(self, part: int) -> bool:
        return part < self._step or (part == self._step and self._is_told)

    def _advance(self, part: int) -> Iterator[Chunk]:
        while self._step < part:
            yield from self._close()
            if self._step >= 0:
                yield {"type": "finish-step"}
            self._step += 1
            self._forget_step()
            yield {"type": "start-step"}

    def _forget_step(self) -> None:
        self._is_told = self._has_text = False
        self._open = ""
        self._calls = {}
        self._texts = []

    def _close(self) -> Iterator[Chunk]:
        if self._open:
            yield self._keep({"type": f"{self._open}-end", "id": self._id})
            self._open = ""

    def _reset(self) -> Iterator[Chunk]:
        self._forget_step()
        yield {"type": "reset-step"}

    def _again(self, records: Records, hidden: Sequence[str]) -> Iterator[Chunk]:
        """The step anew, without the hidden calls."""
        yield from self._close()
        texts = self._texts
        yield from self._reset()
        self._texts = texts
        yield from texts
        shown = [record for record in records.calls if record.tool_call_id not in hidden]
        yield from self.recorded(Records(shown, records.asks))

    def _call(self, record: ToolCallRecord, ask: Ask | None) -> Iterator[Chunk]:
        call_id = record.tool_call_id
        call = self._calls.setdefault(call_id, CallTold())
        if not call.is_whole:
            yield from self._close()
            call.is_whole = True
            given = json.loads(record.arguments_json)
            yield {"type": "tool-input-available", **_tool(call_id, record.name), "input": given}
        if call.has_result:
            return
        if ask is not None:
            yield from self._approval(call, ask)
        if record.status in SETTLED:
            call.has_result = True
            yield _result(record, ask)
            if record.name == TODO_NAME and record.status == "completed":
                yield _data("plan", {"todos": json.loads(record.arguments_json)["items"]}, "plan")

    def _approval(self, call: CallTold, ask: Ask) -> Iterator[Chunk]:
        if not call.is_asked:
            call.is_asked = True
            yield {
                "type": "tool-approval-request",
                "approvalId": ask.ask_id,
                "toolCallId": ask.tool_call_id,
                "approvalDescriptor": _ask(ask),
            }
        answer = ask.answer
        if answer is None or answer.decision is None or call.is_replied:
            return
        call.is_replied = True
        reason = {} if answer.text is None else {"reason": answer.text}
        yield {
            "type": "tool-approval-response",
            "approvalId": ask.ask_id,
            "approved": answer.decision == "allow",
            **reason,
        }

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
                yield _data("ask", _ask(ask), ask.ask_id)

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
                yield {"type": "tool-output-error", "toolCallId": call_id, "errorText": NEVER_RUN}

    def _rest(
        self, message: Message, records: Records, parts: Sequence[ShownPart]
    ) -> Iterator[Chunk]:
        begins_at = self._step if self._has_nothing else self._step + 1
        for part in parts:
            if part.turn < begins_at:
                continue
            if self.is_next(part.turn):
                yield from self.end_of_step(records)
            match part.type:
                case "text":
                    yield from self._said("text", part.turn, part.text or "")
                case "thinking":
                    yield from self._said("reasoning", part.turn, part.text or "")
                case "toolCall":
                    yield from self._advance(part.turn)
        tail = _tail(message.content, parts)
        next_turn = max((part.turn for part in parts), default=-1) + 1
        if tail and next_turn >= begins_at:
            if self.is_next(next_turn):
                yield from self.end_of_step(records)
            yield from self._said("text", next_turn, tail)

    @property
    def _has_nothing(self) -> bool:
        """Of the step that has begun nothing is told; it was taken back."""
        return self._step >= 0 and not (self._texts or self._calls or self._is_told or self._open)


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


def _end(message: Message) -> Iterator[Chunk]:
    if message.usage is not None:
        usage = UsageAnswer.model_validate(message.usage)
        yield _data("usage", usage.model_dump(by_alias=True, exclude_none=True), "usage")
    told = {
        "status": message.status,
        "model": message.model,
        "endedEarly": message.ended_early,
        "errorCode": message.error_code,
    }
    metadata: Chunk = {name: value for name, value in told.items() if value is not None}
    match message.status:
        case MessageStatus.FAILED:
            yield {"type": "message-metadata", "messageMetadata": metadata}
            yield {"type": "error", "errorText": message.error or FAILED}
        case MessageStatus.CANCELLED:
            yield {"type": "abort", "reason": "cancelled"}
            yield {
                "type": "finish",
                "finishReason": "interrupted",
                "messageMetadata": metadata,
            }
        case _:
            reasons = {"cut": "length", "refused": "content-filter"}
            reason = "stop" if message.ended_early is None else "other"
            reason = reasons.get(message.ended_early or "", reason)
            yield {"type": "finish", "finishReason": reason, "messageMetadata": metadata}


def _result(record: ToolCallRecord, ask: Ask | None) -> Chunk:
    output = record.output or ""
    is_theirs = record.name != ASK_USER_NAME
    ran = {"toolCallId": record.tool_call_id, "providerExecuted": is_theirs}
    if ask is not None and ask.answer is not None and ask.answer.decision == "deny":
        return {"type": "tool-output-denied", "toolCallId": record.tool_call_id}
    if record.status == "completed":
        return {"type": "tool-output-available", **ran, "output": output}
    return {"type": "tool-output-error", **ran, "errorText": output or NEVER_RUN}


def _tool(call_id: str, name: str) -> Chunk:
    """A call; only questions are for the page to answer, all else runs with us."""
    return {"toolCallId": call_id, "toolName": name, "providerExecuted": name != ASK_USER_NAME}


def _ask(ask: Ask) -> Mapping[str, Any]:
    return AskShown.model_validate(ask).model_dump(mode="json", by_alias=True, exclude_none=True)


def _data(name: str, data: object, part_id: str) -> Chunk:
    return {"type": f"data-{name}", "id": part_id, "data": data}


def _passing(name: str, data: object) -> Chunk:
    """One that a page hears of (`onData`) and that no message keeps."""
    return {"type": f"data-{name}", "data": data, "transient": True}
