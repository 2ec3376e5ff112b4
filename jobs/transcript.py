"""The agent's transcript, kept in the store: records on that side, turns and messages on this."""

import json
from collections.abc import Mapping
from datetime import datetime

from agent.transcript import Answered, Asked, Loaded, Past, RecordedTurn
from core.ids import ToolCallId
from jobs.attempt import Attempt
from jobs.desk import Desk
from llm.model import (
    AssistantMessage,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    Turn,
)
from store.gateway import Store
from store.records import (
    HistoryMessage,
    MessageStatus,
    NewToolCall,
    ToolCallRecord,
    TurnPart,
    TurnRecord,
)
from tools.tool import ToolOutput

EARLIER_MESSAGES = 2_000  # read in short; what is older is left out, and the model is told so
EARLIER_PAGES = 20  # a page of long answers holds one of them, and takes a tenth of a second


class StoreTranscript:
    """See `agent.transcript.Transcript`."""

    def __init__(self, store: Store, attempt: Attempt, desk: Desk) -> None:
        self._store = store
        self._attempt = attempt
        self._desk = desk

    async def load(self, *, whole_chars: int) -> Loaded:
        """Read the conversation up to the message that is answered; with 0, that message only.

        Raises: NotFound.
        """
        message_id = self._attempt.message_id
        context = await self._store.messages.context(message_id, max_chars=whole_chars)
        history, is_cut = context.history, context.is_truncated
        earlier: tuple[HistoryMessage, ...] = ()
        for _ in range(EARLIER_PAGES if whole_chars else 0):
            if not is_cut or len(earlier) >= EARLIER_MESSAGES:
                break
            oldest = (*earlier, *history)[0].message
            page = await self._store.messages.earlier(message_id, before=oldest.order)
            earlier, is_cut = (*page.history, *earlier), page.is_truncated
        return Loaded(
            past=(
                *(_past(message, is_brief=True) for message in earlier),
                *(_past(message, is_brief=False) for message in history),
            ),
            turns=_recorded(context.turns, context.tool_calls),
            is_cut=is_cut,
            waiting_until=context.message.waiting_until,
        )

    async def append_turn(
        self, number: int, turn: Turn, *, not_run: Mapping[ToolCallId, str]
    ) -> None:
        """Record a finished turn; its calls are pending then. Raises: GenerationClosed."""
        calls = tuple(
            _new_call(part, not_run.get(part.call_id))
            for part in turn.message.parts
            if isinstance(part, ToolCall)
        )
        await self._store.generations.record_turn(
            await self._attempt.lease(), _record(number, turn), tool_calls=calls
        )

    async def wait_until(self, until: datetime | None) -> None:
        """Show that the provider is waited for, or no more. Raises: GenerationClosed."""
        await self._store.generations.wait_until(await self._attempt.lease(), until)

    async def start_call(self, number: int, call: ToolCall) -> None:
        """Show the call as running, and give it a clean desk. Raises: GenerationClosed."""
        await self._store.generations.start_tool_call(
            await self._attempt.lease(), turn=number, tool_call_id=call.call_id
        )
        await self._desk.clear()

    async def finish_call(self, number: int, call_id: ToolCallId, output: ToolOutput) -> ToolOutput:
        """Commit the call's changes with its result; what is on record comes back.

        Raises:
            GenerationClosed: the message is final: neither changes nor result were kept.
        """
        return await self._desk.commit(number, call_id, output)


def _past(history: HistoryMessage, *, is_brief: bool) -> Past:
    message = history.message
    if message.role == "user":
        return Asked(text=message.content)
    match message.status:
        case MessageStatus.COMPLETED:
            status = "completed"
        case MessageStatus.CANCELLED:
            status = "cancelled"
        case _:  # one that is still running is, for this answer, one that did not end
            status = "failed"
    return Answered(
        status=status,
        text=message.content,
        turns=_recorded(history.turns, history.tool_calls),
        error=message.error or "",
        is_brief=is_brief,
    )


def _recorded(
    turns: tuple[TurnRecord, ...], calls: tuple[ToolCallRecord, ...]
) -> tuple[RecordedTurn, ...]:
    return tuple(
        _recorded_turn(turn, {call.tool_call_id: call for call in calls if call.turn == turn.turn})
        for turn in sorted(turns, key=lambda turn: turn.turn)
    )


def _recorded_turn(record: TurnRecord, calls: Mapping[ToolCallId, ToolCallRecord]) -> RecordedTurn:
    return RecordedTurn(
        number=record.turn,
        turn=Turn(
            message=AssistantMessage(parts=tuple(_part(part, calls) for part in record.parts)),
            stop_reason=StopReason(record.stop_reason),
            usage=record.usage,
            model=record.model,
            dropped_calls=record.dropped_calls,
        ),
        started=frozenset(
            call_id for call_id, call in calls.items() if call.started_at is not None
        ),
        outputs={
            call_id: ToolOutput(text=call.output or "", is_error=call.status == "failed")
            for call_id, call in calls.items()
            if call.status in {"completed", "failed"}
        },
        not_run={
            call_id: call.output or ""
            for call_id, call in calls.items()
            if call.status == "skipped"
        },
    )


def _part(
    part: TurnPart, calls: Mapping[ToolCallId, ToolCallRecord]
) -> TextPart | ThinkingPart | ToolCall:
    match part.type:
        case "text":
            return TextPart(text=part.text or "")
        case "thinking":
            # Without a text it was redacted: the provider wants the encrypted block back as it was.
            return ThinkingPart(part.text or "", part.signature or "", redacted=part.text is None)
        case "toolCall":
            call = calls[ToolCallId(part.tool_call_id or "")]
            return ToolCall(
                call_id=call.tool_call_id,
                name=call.name,
                arguments=json.loads(call.arguments_json),
            )


def _record(number: int, turn: Turn) -> TurnRecord:
    return TurnRecord(
        turn=number,
        parts=tuple(_part_record(part) for part in turn.message.parts),
        stop_reason=turn.stop_reason.value,
        model=turn.model,
        usage=turn.usage,
        dropped_calls=turn.dropped_calls,
    )


def _part_record(part: TextPart | ThinkingPart | ToolCall) -> TurnPart:
    match part:
        case TextPart():
            return TurnPart(type="text", text=part.text)
        case ThinkingPart():
            text = None if part.redacted else part.text
            return TurnPart(type="thinking", text=text, signature=part.signature)
        case ToolCall():
            return TurnPart(type="toolCall", tool_call_id=part.call_id)


def _new_call(call: ToolCall, not_run: str | None) -> NewToolCall:
    return NewToolCall(
        tool_call_id=call.call_id,
        name=call.name,
        arguments_json=json.dumps(dict(call.arguments), ensure_ascii=False),
        not_run=not_run,
    )
