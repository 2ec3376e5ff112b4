"""Routes of messages: send, follow, cancel, retry."""

import asyncio
from typing import Annotated

from fastapi import Path, Query

from app.http.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.http.checkpoints.wire import restored_answer
from app.http.errors import InvalidRequest
from app.http.messages.wire import (
    ID_LIMIT_CHARS,
    POLICIES,
    CancelledAnswer,
    CancelMessages,
    CondensationAnswer,
    DeleteMessage,
    DeltaPageAnswer,
    EditedMessage,
    Forked,
    MessageDetail,
    NewMessage,
    ResultPartsAnswer,
    Sent,
    TaskAnswer,
    TasksAnswer,
    ToolCallAnswer,
)
from app.http.parameters import IdempotencyKey
from app.wire.shapes import Success
from core.ids import MessageId, ToolCallId

router = api_router("messages")


@router.post("/messages", response_model_exclude_none=True, responses=CONFLICT)
async def send_message(
    body: NewMessage, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> Sent:
    """Send a message; its answer is written by a durable job and can be followed live.

    `whenBusy` says what happens while an answer is being written in the same conversation: that is
    cancelled, or told the message at its next turn, or the message is refused (409) or waits.
    """
    receipt = await services.messaging.send(
        body.conversation_id,
        owner=caller.owner,
        text=body.message,
        model=services.choosing.checked(body.model) or services.choosing.known(body.model_id),
        attachments=[each.asked for each in body.attachments],
        policy=POLICIES.get(body.when_busy),
        key=key,
    )
    return Sent.model_validate(receipt)


@router.post("/messages/cancel", response_model_exclude_none=True)
async def cancel_messages(
    body: CancelMessages, services: ServicesDep, caller: CallerDep
) -> CancelledAnswer:
    """Stop one answer, or every answer of a project; the text so far is kept.

    An answer that has ended is left as it is: `cancelled` is then false.
    """
    messaging = services.messaging
    if body.project_id is not None and body.message_id is None:
        stopped = await messaging.cancel_project(body.project_id, owner=caller.owner)
    elif body.message_id is not None and body.project_id is None:
        stopped = await messaging.cancel(body.message_id, owner=caller.owner)
    else:
        raise InvalidRequest("Give either projectId or messageId", field="messageId")
    return CancelledAnswer(cancelled=bool(stopped), message_ids=stopped or None)


@router.delete("/messages")
async def cancel_message(body: DeleteMessage, services: ServicesDep, caller: CallerDep) -> Success:
    """Stop an answer; it stays in the conversation with the text so far."""
    await services.messaging.cancel(body.message_id, owner=caller.owner)
    return Success()


@router.post("/messages/{message_id}/retry", response_model_exclude_none=True, responses=CONFLICT)
async def retry_message(
    message_id: MessageId, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> Sent:
    """Answer again after a failure; what the answer held is dropped."""
    receipt = await services.messaging.retry(message_id, owner=caller.owner, key=key)
    return Sent.model_validate(receipt)


@router.post("/messages/{message_id}/edit", response_model_exclude_none=True, responses=CONFLICT)
async def edit_message(
    message_id: MessageId,
    body: EditedMessage,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> Forked:
    """Answer a message of the person anew, with another text, in a new conversation.

    That holds copies of what came before the message; the old conversation stays as it is.
    """
    attached = body.attachments
    receipt, restored = await services.messaging.edit(
        message_id,
        owner=caller.owner,
        text=body.content,
        attachments=None if attached is None else [each.asked for each in attached],
        restores_files=body.restore_files,
        key=key,
    )
    return Forked.model_validate(receipt).model_copy(
        update={"restored": restored and restored_answer(restored)}
    )


@router.get("/messages/{message_id}", response_model_exclude_none=True)
async def get_message(
    message_id: MessageId, services: ServicesDep, caller: CallerDep
) -> MessageDetail:
    """A message with its tool calls, and how the conversation was condensed meanwhile."""
    messages = services.store.messages
    message, calls, condensed = await asyncio.gather(
        messages.owned(message_id, owner=caller.owner),
        messages.tool_calls(message_id, owner=caller.owner),
        messages.condensations(message_id, owner=caller.owner),
    )
    return MessageDetail.model_validate(message).model_copy(
        update={
            "tool_calls": tuple(map(ToolCallAnswer.model_validate, calls)),
            "condensations": tuple(map(CondensationAnswer.model_validate, condensed)),
        }
    )


@router.get("/messages/{message_id}/turns/{turn}/calls/{call_id}/parts")
async def get_result_parts(
    message_id: MessageId,
    turn: Annotated[int, Path(ge=0, le=10_000)],
    call_id: Annotated[ToolCallId, Path(max_length=ID_LIMIT_CHARS * 4)],
    services: ServicesDep,
    caller: CallerDep,
) -> ResultPartsAnswer:
    """What a call came to beside its text: diffs of the files that it changed, an exit code.

    Empty for a call that kept nothing of the kind.
    """
    parts = await services.store.messages.result_parts(
        message_id, owner=caller.owner, turn=turn, tool_call_id=call_id
    )
    return ResultPartsAnswer(parts=parts)


@router.get("/messages/{message_id}/tasks", response_model_exclude_none=True)
async def get_tasks(message_id: MessageId, services: ServicesDep, caller: CallerDep) -> TasksAnswer:
    """The sub-agents that work for calls of an answer, or did."""
    tasks = await services.store.tasks.of_message(message_id, owner=caller.owner)
    return TasksAnswer(tasks=tuple(map(TaskAnswer.model_validate, tasks)))


@router.get("/messages/{message_id}/deltas", response_model_exclude_none=True)
async def get_deltas(
    message_id: MessageId,
    services: ServicesDep,
    caller: CallerDep,
    start: Annotated[int, Query(alias="from", ge=0, le=2**31)] = 0,
) -> DeltaPageAnswer:
    """What was streamed from a cursor on, for clients without a live query."""
    page = await services.store.messages.deltas(message_id, owner=caller.owner, start=start)
    return DeltaPageAnswer.model_validate(page)
