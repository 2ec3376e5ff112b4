"""Chats of pages that speak the AI SDK: each is a conversation, and its last message counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.asking import Asking
from app.services.attaching import Asked, Attaching
from app.services.messages import Messaging
from core.errors import Conflict, NotFound
from core.ids import AskId, ConversationId, MessageId, OwnerId, ProjectId
from store.gateway import Store
from store.records import Ask, AskAnswer, BusyPolicy, Conversation, Message, MessageStatus
from tools.plan import TODO_NAME
from tools.questions import ASK_USER_NAME

QUESTION_TOOL = ASK_USER_NAME
PLAN_TOOL = TODO_NAME
TITLE = "New conversation"  # it gets one from its first message
MOST_ASKS = 100
LATEST = 20  # messages among which the answer is that is being written


@dataclass(frozen=True)
class Picture:
    """An image that came with a message."""

    name: str | None
    data: bytes


@dataclass(frozen=True)
class Verdict:
    """What the person says to a call that waits for approval; a reason goes with a no."""

    ask_id: AskId
    is_approved: bool
    reason: str | None = None


@dataclass(frozen=True)
class Reply:
    """What the person says to a question that a call asks: one of its choices, or a text."""

    tool_call_id: str
    text: str


@dataclass(frozen=True)
class Chatting:
    """What the chat routes do, with the services of the others."""

    store: Store
    messaging: Messaging
    attaching: Attaching
    asking: Asking

    async def find(
        self, chat_id: str, *, owner: OwnerId, project_id: ProjectId | None
    ) -> Conversation:
        """A chat by the id of its conversation, or by its name in a project. Raises: NotFound."""
        owned = await self._owned(chat_id, owner, project_id)
        if owned is None and project_id is not None:
            owned = await self.store.conversations.keyed(project_id, chat_id, owner=owner)
        if owned is None:
            raise NotFound("Conversation not found")
        return owned

    async def find_or_begin(
        self, chat_id: str, *, owner: OwnerId, project_id: ProjectId | None
    ) -> Conversation:
        """The same; with a project, one that is not there yet begins. Raises: NotFound."""
        owned = await self._owned(chat_id, owner, project_id)
        if owned is not None:
            return owned
        if project_id is None:
            raise NotFound("Conversation not found")
        conversations = self.store.conversations
        return await conversations.create(project_id, owner=owner, title=TITLE, key=chat_id)

    async def _owned(
        self, chat_id: str, owner: OwnerId, project_id: ProjectId | None
    ) -> Conversation | None:
        """The one of this id. Raises: NotFound: there is none, nor a project to look in."""
        try:
            return await self.store.conversations.owned(ConversationId(chat_id), owner=owner)
        except NotFound:
            if project_id is None:
                raise
            return None

    async def send(  # noqa: PLR0913 - what is optional by name
        self,
        conversation: Conversation,
        *,
        owner: OwnerId,
        text: str,
        attached: Sequence[Picture | Asked],
        model: str | None,
        policy: BusyPolicy | None,
        key: str,
    ) -> Message:
        """Send a message with what is attached; the answer, which is being written.

        Raises: as `Messaging.send` and `Attaching.upload`.
        """
        asked = [
            await self._uploaded(each, conversation.project_id, owner=owner)
            if isinstance(each, Picture)
            else each
            for each in attached
        ]
        receipt = await self.messaging.send(
            conversation.conversation_id,
            owner=owner,
            text=text,
            model=model,
            attachments=asked,
            policy=policy,
            key=key,
        )
        return await self.store.messages.owned(receipt.message_id, owner=owner)

    async def _uploaded(self, picture: Picture, project_id: ProjectId, *, owner: OwnerId) -> Asked:
        upload = await self.attaching.upload(
            project_id, picture.data, owner=owner, name=picture.name
        )
        return Asked(attachment_id=upload.attachment_id)

    async def answer_in(
        self, conversation: Conversation, message_id: MessageId | None, *, owner: OwnerId
    ) -> Message:
        """An answer of the conversation; None: its last one. Raises: NotFound."""
        if message_id is None:
            latest = await self._latest(conversation, owner=owner)
            answers = [message for message in latest if message.role == "assistant"]
            if not answers:
                raise NotFound("Message not found")
            return answers[0]
        message = await self.store.messages.owned(message_id, owner=owner)
        is_here = message.conversation_id == conversation.conversation_id
        if not is_here or message.role != "assistant":
            raise NotFound("Message not found")
        return message

    async def retry(
        self, conversation: Conversation, message_id: MessageId | None, *, owner: OwnerId
    ) -> Message:
        """Answer anew what failed. Raises: NotFound, and as `Messaging.retry`."""
        answer = await self.answer_in(conversation, message_id, owner=owner)
        receipt = await self.messaging.retry(answer.message_id, owner=owner)
        return await self.store.messages.owned(receipt.message_id, owner=owner)

    async def running(self, conversation: Conversation, *, owner: OwnerId) -> Message | None:
        """The answer that is being written, the first of them."""
        latest = await self._latest(conversation, owner=owner)
        running = [it for it in latest if it.status is MessageStatus.PROCESSING]
        return min(running, key=lambda message: message.order, default=None)

    async def at(self, conversation: Conversation, order: int, *, owner: OwnerId) -> Message | None:
        """The answer at a place in the conversation; None: there is none."""
        found = await self.store.following.messages(
            conversation.conversation_id, owner=owner, start=order
        )
        message = found[0].message if found else None
        is_it = message is not None and (message.order, message.role) == (order, "assistant")
        return message if is_it else None

    async def _latest(self, conversation: Conversation, *, owner: OwnerId) -> Sequence[Message]:
        page = await self.store.messages.list(
            conversation.conversation_id, owner=owner, limit=LATEST
        )
        return page.items

    async def reply(
        self,
        answer: Message,
        *,
        owner: OwnerId,
        verdicts: Sequence[Verdict],
        replies: Sequence[Reply],
    ) -> None:
        """Answer what an answer asks; what was answered before stays as it is.

        Raises:
            NotFound: it has not asked for that approval.
            Refused: the reply is none that the question takes.
        """
        asks = await self.store.asks.list(answer.conversation_id, owner=owner, limit=MOST_ASKS)
        mine = {ask.ask_id: ask for ask in asks if ask.message_id == answer.message_id}
        for verdict in verdicts:
            ask = mine.get(verdict.ask_id)
            if ask is None:
                raise NotFound("Ask not found")
            decision = "allow" if verdict.is_approved else "deny"
            text = None if verdict.is_approved else verdict.reason
            await self._answer(ask, AskAnswer(decision=decision, text=text), owner=owner)
        for reply in replies:
            for ask in mine.values():
                if (ask.kind, ask.tool_call_id) == ("question", reply.tool_call_id):
                    is_choice = reply.text in (ask.choices or ())
                    given = (
                        AskAnswer(choice=reply.text) if is_choice else AskAnswer(text=reply.text)
                    )
                    await self._answer(ask, given, owner=owner)

    async def _answer(self, ask: Ask, answer: AskAnswer, *, owner: OwnerId) -> None:
        if ask.status != "open":
            return
        try:
            await self.asking.answer(ask.ask_id, answer, owner=owner, key=f"chat-{ask.ask_id}")
        except Conflict:  # another page was quicker, or it expired meanwhile
            return
