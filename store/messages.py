"""Messages as the API sees them: send, read, cancel, retry; and the context of a run."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from core.ids import ConversationId, MessageId, OwnerId, ProjectId, ToolCallId, new_id
from store.client import ConvexHttp
from store.records import (
    BusyPolicy,
    Cancelled,
    Condensation,
    DeltaPage,
    EarlierMessages,
    ForkStep,
    Message,
    MessageContext,
    NewAttachment,
    Page,
    SentMessage,
    ShownPart,
    ToolCallRecord,
)
from store.rows import decode, encode


class Messages:
    """Found through the owner of their project; `context` takes ids from our own events only."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def send(  # noqa: PLR0913 - what is optional by name
        self,
        conversation_id: ConversationId,
        *,
        owner: OwnerId,
        content: str,
        policy: BusyPolicy,
        model: str | None = None,
        attachments: Sequence[NewAttachment] = (),
        key: str | None = None,
    ) -> SentMessage:
        """Write the person's message, the placeholder of the answer and the event, all or nothing.

        `model` is to answer it, also when it is tried again; None: that of the conversation.

        The event's id is the id of the placeholder. Under policy "cancel" the answers being written
        in this conversation become cancelled with the text they have. Under policy "steer" the
        message becomes part of the answer that is being written, and has no answer of its own.
        The same `key` in the same conversation gives the first answer again.

        Raises:
            NotFound: not the owner's conversation.
            Busy: policy "reject", and an answer is being written.
            Conflict: `key` was used with another content.
            Refused: the content is empty or longer than 100,000 characters; there are too many
                attachments, or one of them is no upload of the project.
        """
        args = {
            "ownerId": owner,
            "conversationId": conversation_id,
            "content": content,
            "policy": policy,
            "model": model,
            "attachments": [encode(each) for each in attachments] or None,
            "externalId": key or new_id("req"),
        }
        return decode(SentMessage, await self._http.mutation("system/messages:send", args))

    async def send_first(
        self, *, owner: OwnerId, name: str, content: str, key: str | None = None
    ) -> SentMessage:
        """As `send`, in a conversation of a project that are both made here, in the same write.

        Raises:
            Conflict: `key` was used with another content.
            Refused: as `send`; or the name is empty or longer than 200 characters.
        """
        args = {
            "ownerId": owner,
            "name": name,
            "content": content,
            "externalId": key or new_id("req"),
        }
        return decode(SentMessage, await self._http.mutation("system/messages:sendFirst", args))

    async def edit(
        self,
        message_id: MessageId,
        *,
        owner: OwnerId,
        content: str,
        attachments: Sequence[NewAttachment] | None = None,
        key: str | None = None,
    ) -> SentMessage:
        """Answer a message of the person anew, with another content, in a new conversation.

        That holds copies of what came before the message; the conversation of the message stays as
        it is. A long one is copied in several writes, and the new one is hidden until the last. The
        same `key` goes on where it broke off, and gives the first answer again. Without
        `attachments` those of the edited message are taken over.

        Raises:
            NotFound: not the owner's.
            Conflict: it is an answer, or part of one; or `key` was used for something else.
            Busy: an answer before it is being written.
            Refused: as `send`.
        """
        args = {
            "ownerId": owner,
            "messageId": message_id,
            "content": content,
            "attachments": None if attachments is None else [encode(each) for each in attachments],
            "externalId": key or new_id("req"),
        }
        while True:
            step = decode(ForkStep, await self._http.mutation("system/forking:edit", args))
            if step.sent is not None:
                return step.sent

    async def list(
        self,
        conversation_id: ConversationId,
        *,
        owner: OwnerId,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Message]:
        """Messages, newest first, at most 100 a page. Raises: NotFound."""
        args = {
            "ownerId": owner,
            "conversationId": conversation_id,
            "limit": limit,
            "cursor": cursor,
        }
        return decode(Page[Message], await self._http.query("system/messages:list", args))

    async def owned(self, message_id: MessageId, *, owner: OwnerId) -> Message:
        """One message with its whole text. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id}
        return decode(Message, await self._http.query("system/messages:get", args))

    async def cancel(self, message_id: MessageId, *, owner: OwnerId) -> Cancelled:
        """Turn a running answer into a cancelled one, with the text it has so far.

        A message in a final state is left alone: the result is then empty. Raises: NotFound.
        """
        args = {"ownerId": owner, "messageId": message_id}
        return decode(Cancelled, await self._http.mutation("system/messages:cancel", args))

    async def cancel_project(self, project_id: ProjectId, *, owner: OwnerId) -> Cancelled:
        """Cancel each answer that is being written in the project. Raises: NotFound."""
        message_ids: list[MessageId] = []
        events = ()
        while True:
            args = {"ownerId": owner, "projectId": project_id}
            value = await self._http.mutation("system/messages:cancelProject", args)
            batch = decode(Cancelled, value)
            message_ids.extend(batch.message_ids)
            events = (*events, *batch.events)
            if not value["hasMore"]:
                return Cancelled(tuple(message_ids), events)

    async def retry(
        self, message_id: MessageId, *, owner: OwnerId, policy: BusyPolicy, key: str | None = None
    ) -> SentMessage:
        """Answer again: a failed assistant message becomes processing, from nothing.

        Its text, turns and tool calls of before are dropped; the id stays, the event's id is new.

        Raises:
            NotFound: not the owner's.
            Conflict: the message is completed or cancelled, or the person's own.
            Busy: policy "reject", and another answer is being written.
        """
        args = {
            "ownerId": owner,
            "messageId": message_id,
            "policy": policy,
            "externalId": key or new_id("req"),
        }
        return decode(SentMessage, await self._http.mutation("system/messages:retry", args))

    async def tool_calls(
        self, message_id: MessageId, *, owner: OwnerId
    ) -> tuple[ToolCallRecord, ...]:
        """The tool calls of an answer, in order, at most 500. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id}
        value = await self._http.query("system/messages:toolCalls", args)
        return tuple(decode(ToolCallRecord, call) for call in value)

    async def parts(self, message_id: MessageId, *, owner: OwnerId) -> tuple[ShownPart, ...]:
        """What the finished turns of an answer hold, in order. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id}
        rows = await self._http.query("system/messages:parts", args)
        return tuple(decode(ShownPart, row) for row in rows)

    async def result_parts(
        self, message_id: MessageId, *, owner: OwnerId, turn: int, tool_call_id: ToolCallId
    ) -> tuple[Mapping[str, Any], ...]:
        """What a call came to beside its text, as JSON: `resultPart` of convex/model/validators.ts.

        Images are whole, in base64, wherever they are kept. Nothing for a call that is not there,
        or kept none. Raises: NotFound: the message.
        """
        args = {
            "ownerId": owner,
            "messageId": message_id,
            "turn": turn,
            "toolCallId": tool_call_id,
        }
        parts = await self._http.query("system/messages:resultParts", args)
        return tuple([await self._whole(part) for part in parts])

    async def _whole(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part, with the bytes of a blob in it."""
        if "url" not in part:
            return part
        if part["type"] == "fullText":
            return {name: value for name, value in part.items() if name != "url"}
        data = await self._http.download(str(part["url"]))
        text = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
        return {"type": part["type"], "mediaType": part["mediaType"], "data": text}

    async def full_text(self, message_id: MessageId, handle: str) -> str | None:
        """The whole of an output that a call of the message's conversation has kept; None: none.

        For runs: the id comes from our own events.
        """
        args = {"messageId": message_id, "handle": handle}
        url = await self._http.query("system/messages:fullText", args)
        return None if url is None else (await self._http.download(str(url))).decode()

    async def condensations(
        self, message_id: MessageId, *, owner: OwnerId
    ) -> tuple[Condensation, ...]:
        """The summaries that were made while the answer was written. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id}
        rows = await self._http.query("system/messages:condensations", args)
        return tuple(decode(Condensation, row) for row in rows)

    async def deltas(self, message_id: MessageId, *, owner: OwnerId, start: int = 0) -> DeltaPage:
        """What was streamed from cursor `start` on. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id, "from": start}
        return decode(DeltaPage, await self._http.query("system/messages:deltas", args))

    async def context(self, message_id: MessageId, *, max_chars: int) -> MessageContext:
        """What a run needs to answer; history is cut at message boundaries, newest kept.

        The message that is answered is always there. Raises:
            NotFound: the message is gone (its project was deleted).
        """
        args = {"messageId": message_id, "maxChars": max_chars}
        return decode(MessageContext, await self._http.query("system/messages:context", args))

    async def earlier(self, message_id: MessageId, *, before: int) -> EarlierMessages:
        """Messages of the conversation before that order, as many as one answer holds, in short.

        Raises:
            NotFound: the message is gone (its project was deleted).
        """
        args = {"messageId": message_id, "before": before}
        return decode(EarlierMessages, await self._http.query("system/messages:earlier", args))
