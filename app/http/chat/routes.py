"""Routes of `useChat`: send and follow, and go on following after a disconnect."""

from typing import Annotated, Any

from fastapi import Header, Path, Query
from fastapi.responses import Response, StreamingResponse

from app.http.access import CONFLICT, AccessDep, api_router
from app.http.chat.stream import HEADERS, AnswerStream, Place
from app.http.chat.wire import (
    CHAT_ID_LIMIT_CHARS,
    ChatBody,
    ChatMessage,
    NewUpload,
    Shown,
    asked_of,
    shown_of,
)
from app.http.chat.writer import CallWritten, Known, StepWritten
from app.http.errors import InvalidRequest
from app.http.event_streams import event_stream
from app.http.messages.wire import ID_LIMIT_CHARS, POLICIES
from app.services.chatting import Chatting, Picture
from core.ids import MessageId, OwnerId, ProjectId
from store.records import Conversation, Message

router = api_router("chat")

STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Chunks of a UI message stream."}
}
After = Annotated[
    str | None, Query(max_length=100, description="The id of the last event; missing: all of it.")
]


@router.post("/chat", response_class=StreamingResponse, responses={**CONFLICT, **STREAM})
async def chat(body: ChatBody, access: AccessDep) -> StreamingResponse:
    """Send the last message of a chat, and follow its answer as a UI message stream.

    If the last message is an answer of ours, what the person has said to its approvals and
    questions is taken from it, and the answer goes on. `regenerate-message` tries an answer that
    has failed again. To leave cancels nothing.
    """
    chatting, owner = access.services.chatting, access.caller.owner
    if body.trigger == "regenerate-message":
        conversation = await chatting.find(body.id, owner=owner, project_id=body.project_id)
        wanted = None if body.message_id is None else MessageId(body.message_id)
        answer = await chatting.retry(conversation, wanted, owner=owner)
        return _streamed(AnswerStream(access.services, owner, answer))
    last = body.last
    match last.role:
        case "user":
            answer = await _sent(body, last, access)
            return _streamed(AnswerStream(access.services, owner, answer))
        case "assistant":
            conversation = await chatting.find(body.id, owner=owner, project_id=body.project_id)
            answer, known = await _replied(chatting, conversation, last, owner)
            return _streamed(AnswerStream(access.services, owner, answer, known=known))
        case _:
            raise InvalidRequest("messages: the last one has to be of role user", field="messages")


@router.get(
    "/chat/{chat_id}/stream",
    response_class=StreamingResponse,
    responses={204: {"description": "Nothing is being answered."}, **STREAM},
)
async def resume_chat(
    chat_id: Annotated[str, Path(max_length=CHAT_ID_LIMIT_CHARS)],
    access: AccessDep,
    project_id: Annotated[
        ProjectId | None, Query(alias="projectId", min_length=1, max_length=ID_LIMIT_CHARS)
    ] = None,
    after: After = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)] = None,
) -> Response:
    """Follow the answer that is being written in a chat, from its beginning; 204: none is.

    With the id of the last event (`after`, `Last-Event-ID`) it goes on right behind that.
    """
    chatting, owner = access.services.chatting, access.caller.owner
    given = last_event_id or after
    place = None if given is None else Place.read(given)
    conversation = await chatting.find(chat_id, owner=owner, project_id=project_id)
    if place is not None:
        answer = await chatting.at(conversation, place.cursor.order, owner=owner)
        if answer is not None:
            return _streamed(
                AnswerStream(access.services, owner, answer, begin=place.cursor, known=place.known)
            )
    answer = await chatting.running(conversation, owner=owner)
    if answer is None:
        return Response(status_code=204)
    return _streamed(AnswerStream(access.services, owner, answer))


def _streamed(stream: AnswerStream) -> StreamingResponse:
    return event_stream(stream.events(), HEADERS)


async def _sent(body: ChatBody, last: ChatMessage, access: AccessDep) -> Message:
    if body.message_id is not None:
        raise InvalidRequest(
            "messageId: a message that was sent stays as it is; POST /api/messages/{id}/edit "
            "answers it anew in another conversation",
            field="messageId",
        )
    asked = asked_of(last)
    services, owner = access.services, access.caller.owner
    model = services.choosing.checked(body.model)
    conversation = await services.chatting.find_or_begin(
        body.id, owner=owner, project_id=body.project_id
    )
    return await services.chatting.send(
        conversation,
        owner=owner,
        text=asked.text,
        attached=[
            Picture(each.name, each.data) if isinstance(each, NewUpload) else each.asked
            for each in asked.attached
        ],
        model=model,
        policy=POLICIES.get(body.when_busy),
        key=asked.key,
    )


async def _replied(
    chatting: Chatting, conversation: Conversation, last: ChatMessage, owner: OwnerId
) -> tuple[Message, Known]:
    answer = await chatting.answer_in(conversation, MessageId(last.id), owner=owner)
    shown = shown_of(last)
    await chatting.reply(answer, owner=owner, verdicts=shown.verdicts, replies=shown.replies)
    return answer, _known(shown)


def _known(shown: Shown) -> Known:
    calls = {
        call_id: CallWritten(
            is_whole=True,
            is_asked=call_id in shown.asked,
            is_replied=call_id in shown.asked,
            has_result=call_id in shown.outputs,
        )
        for call_id in shown.inputs
    }
    is_begun = shown.step >= 0
    written = StepWritten(has_text=is_begun, has_any=is_begun, is_whole=is_begun)
    return Known(shown.step, written, calls)
