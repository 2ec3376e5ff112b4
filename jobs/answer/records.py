"""Between the records of the store and the turns and messages of the agent."""

import json
from collections.abc import Mapping, Sequence

from agent.outcome import Ending
from agent.transcript import Answered, Asked, Past, RecordedTurn, Steer
from core.ids import ToolCallId
from jobs.answer.attached import AttachedImages, named, told
from llm.model import (
    AssistantMessage,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    Turn,
)
from store.records import (
    DeletedFile,
    EndedEarly,
    FileEdit,
    HistoryMessage,
    MessageStatus,
    NewFolder,
    NewToolCall,
    RenamedFile,
    SteerRecord,
    ToolCallRecord,
    TurnPart,
    TurnRecord,
    WrittenFile,
)
from tools.output import ToolOutput
from tools.workspace.edits import Deleted, Edit, MadeFolder, Renamed, Written

_ENDED_EARLY: Mapping[Ending, EndedEarly] = {
    Ending.STEP_CAP: "step_cap",
    Ending.STUCK: "stuck",
    Ending.CUT: "cut",
    Ending.REFUSED: "refused",
    Ending.CONTEXT_FULL: "context_full",
    Ending.ANSWER_BUDGET: "answer_budget",
    Ending.DAY_BUDGET: "day_budget",
}


def edit_records(edits: Sequence[Edit]) -> tuple[FileEdit, ...]:
    """Changes to a workspace, as the store keeps them."""
    return tuple(_edit_record(edit) for edit in edits)


def _edit_record(edit: Edit) -> FileEdit:
    match edit:
        case Written():
            return WrittenFile(edit.path, edit.data, edit.base_sha256, edit.mode)
        case Deleted():
            return DeletedFile(edit.path)
        case Renamed():
            return RenamedFile(edit.path, edit.new_path)
        case MadeFolder():
            return NewFolder(edit.path)


def past_of(history: HistoryMessage, images: AttachedImages, *, is_brief: bool) -> Past:
    """An earlier message as the agent knows it; a brief one has no results of calls."""
    message = history.message
    if message.role == "user":
        shown = images.of(message.message_id)
        return Asked(told(message, tuple(shown)), tuple(shown.values()), named(message))
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
        turns=recorded_turns(history.turns, history.tool_calls, images, history.steers),
        error=message.error or "",
        is_brief=is_brief,
    )


def recorded_turns(
    turns: tuple[TurnRecord, ...],
    calls: tuple[ToolCallRecord, ...],
    images: AttachedImages,
    steers: tuple[SteerRecord, ...] = (),
) -> tuple[RecordedTurn, ...]:
    """The turns of one answer in order, each with what became of its calls and what was said."""
    return tuple(
        _recorded_turn(
            turn,
            {call.tool_call_id: call for call in calls if call.turn == turn.turn},
            tuple(steer_of(steer, images) for steer in steers if steer.told_in == turn.turn),
        )
        for turn in sorted(turns, key=lambda turn: turn.turn)
    )


def steer_of(record: SteerRecord, images: AttachedImages) -> Steer:
    """What the person said, as the agent knows it."""
    shown = images.of(record.message_id)
    return Steer(record.message_id, told(record, tuple(shown)), tuple(shown.values()))


def _recorded_turn(
    record: TurnRecord, calls: Mapping[ToolCallId, ToolCallRecord], steers: tuple[Steer, ...]
) -> RecordedTurn:
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
        remarks=record.remarks or (),
        steers=steers,
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


def ended_early(ending: Ending) -> EndedEarly | None:
    """How an answer that is not done ended, as the store keeps it; None for one that is."""
    return None if ending is Ending.FINISHED else _ENDED_EARLY[ending]


def turn_record(recorded: RecordedTurn) -> TurnRecord:
    """A turn as the store keeps it; its calls have rows of their own."""
    turn = recorded.turn
    return TurnRecord(
        turn=recorded.number,
        parts=tuple(_part_record(part) for part in turn.message.parts),
        stop_reason=turn.stop_reason.value,
        model=turn.model,
        usage=turn.usage,
        dropped_calls=turn.dropped_calls,
        remarks=recorded.remarks or None,
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


def new_call(call: ToolCall, not_run: str | None) -> NewToolCall:
    """The row of a call; `not_run` says why it will not be run."""
    return NewToolCall(
        tool_call_id=call.call_id,
        name=call.name,
        arguments_json=json.dumps(dict(call.arguments), ensure_ascii=False),
        not_run=not_run,
    )
