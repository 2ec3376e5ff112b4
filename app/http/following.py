"""The route that follows a conversation: text as the model says it, as Server-Sent Events."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated

from fastapi import Header, Query
from fastapi.responses import StreamingResponse

from app.http.access import CallerDep, ServicesDep, api_router
from app.http.event_streams import event_stream
from app.http.messages.wire import MessageAnswer
from app.services.following import (
    Answering,
    Cleared,
    Cursor,
    Ended,
    Event,
    Resumed,
    Said,
    Shown,
    Still,
    TakenBack,
    Text,
    Told,
)
from core.errors import Transient
from core.ids import ConversationId
from store.records import Message

log = logging.getLogger(__name__)

router = api_router("conversations")

MARK_CHARS = 512  # of text between two ids: who comes back is told where to go on
RETRY_MS = 1_000

Place = Annotated[
    str | None,
    Query(max_length=64, description="The id of the last event; 0: all of it. Missing: from now."),
]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]


@router.get(
    "/conversations/{conversation_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events."}},
)
async def follow_conversation(
    conversation_id: ConversationId,
    services: ServicesDep,
    caller: CallerDep,
    after: Place = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Follow a conversation: each text as the model says it, without a gap.

    Events without a name carry the next characters of the answer, a JSON string. `message`: a
    message of the person, an answer that has ended, or one that begins (`status` "processing": its
    text follows). `end`: the answer is final. `reset`: only the first `chars` characters stay.
    `resume`: after a reconnect, keep the first `chars`. `thinking`, `toolCall`, `toolInput`,
    `output`, `outputReset`, `condensing` as in `…/deltas`. `clear`: the conversation is gone. To
    leave cancels nothing; who comes back with the last id (`Last-Event-ID`, `after`) goes on there.
    """
    given = last_event_id or after
    begin = None if given is None else Cursor.read(given)
    await services.following.check(conversation_id, owner=caller.owner)
    told = services.following.follow(conversation_id, owner=caller.owner, after=begin)
    return event_stream(_events(told))


async def _events(told: AsyncIterator[Told]) -> AsyncGenerator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    unmarked = 0
    try:
        async for each in told:
            match each.event:
                case Text(text=text) if (unmarked := unmarked + len(text)) < MARK_CHARS:
                    yield _event("", text, None)
                case event:
                    name, data = _wire_of(event)
                    yield _event(name, data, each.cursor)
                    unmarked = 0
    except Transient:
        log.warning("following_broke_off", exc_info=True)  # the reader comes back by itself


def _event(name: str, data: object, cursor: Cursor | None) -> str:
    lines = [] if cursor is None else [f"id:{cursor}"]
    if name:
        lines.append(f"event:{name}")
    lines.append(f"data:{json.dumps(data, ensure_ascii=False, separators=(',', ':'))}")
    return "\n".join(lines) + "\n\n"


def _wire_of(event: Event) -> tuple[str, object]:
    data: Mapping[str, object] = {}
    name = ""
    match event:
        case Said(message=message) | Answering(message=message):
            name, data = "message", _message(message, has_content=True)
        case Ended(message=message):
            name, data = "end", _message(message, has_content=False)
        case TakenBack(part=part, chars=chars):
            name, data = "reset", {"part": part, "chars": chars}
        case Resumed(message_id=message_id, chars=chars):
            name, data = "resume", {"messageId": message_id, "chars": chars}
        case Shown(run=run):
            call = {} if run.tool_call_id is None else {"toolCallId": run.tool_call_id}
            name, data = run.kind, {"part": run.part, **call, "text": run.text}
        case Still():
            name = "still"
        case Cleared():
            name = "clear"
        case Text(text=text):
            return "", text
    return name, data


def _message(message: Message, *, has_content: bool) -> dict[str, object]:
    answer = MessageAnswer.model_validate(message)
    left_out = None if has_content else {"content"}
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=left_out)
