"""Sending, cancelling and retrying messages: one write, then its events on their way."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.attaching import Asked, Attaching
from core.ids import ConversationId, EventId, MessageId, OwnerId, ProjectId, RunId, new_id
from engine.inspection import Inspection, NoSuchEvent
from jobs.answer.live_answers import LiveAnswers
from jobs.outbox import Relay
from store.gateway import Store
from store.records import BusyPolicy, NewAttachment, RestoreStep, SentMessage


@dataclass(frozen=True)
class Receipt:
    """A message that is being answered.

    `run_id` is None when the engine could not take the event now: the relay sends it later.
    `steers`: it is part of the answer `message_id`, which was being written already.
    """

    user_message_id: MessageId
    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    event_id: EventId
    run_id: RunId | None
    cancelled: tuple[MessageId, ...]
    steers: MessageId | None = None


async def run_of(inspect: Inspection, event_id: EventId) -> RunId | None:
    """The run that an event has started; None where the engine has not got the event yet."""
    try:
        found = await inspect.event(event_id)
    except NoSuchEvent:
        return None
    return found.run_ids[0] if found.run_ids else None


@dataclass(frozen=True)
class Messaging:
    """What the message routes do.

    `policy` says what happens to an answer that is in the way, where a message does not say it;
    `live` has those of this process.
    """

    store: Store
    relay: Relay
    inspect: Inspection
    policy: BusyPolicy
    live: LiveAnswers

    async def send(  # noqa: PLR0913 - what is optional by name
        self,
        conversation_id: ConversationId,
        *,
        owner: OwnerId,
        text: str,
        model: str | None = None,
        attachments: Sequence[Asked] = (),
        policy: BusyPolicy | None = None,
        key: str | None = None,
    ) -> Receipt:
        """Write the message and start the answer; the same `key` again gives the same receipt.

        `model` answers this one message; None: that of the conversation. Under the policy "steer"
        it goes to the answer that is being written, if there is one.

        Raises: as `store.messages.send`, and `Attaching.new` for what is attached.
        """
        attached = ()
        if attachments:
            conversation = await self.store.conversations.owned(conversation_id, owner=owner)
            attached = await self._attached(conversation.project_id, attachments, owner=owner)
        sent = await self.store.messages.send(
            conversation_id,
            owner=owner,
            content=text,
            policy=policy or self.policy,
            model=model,
            attachments=attached,
            key=key,
        )
        return await self._receipt(sent)

    async def send_first(
        self, text: str, *, owner: OwnerId, name: str, key: str | None = None
    ) -> Receipt:
        """The same in a new conversation of a new project, which is called `name`.

        Raises: Refused: as `store.messages.send`, or for the name.
        """
        sent = await self.store.messages.send_first(owner=owner, name=name, content=text, key=key)
        return await self._receipt(sent)

    async def edit(  # noqa: PLR0913 - what is optional by name
        self,
        message_id: MessageId,
        *,
        owner: OwnerId,
        text: str,
        restores_files: bool,
        attachments: Sequence[Asked] | None = None,
        key: str | None = None,
    ) -> tuple[Receipt, RestoreStep | None]:
        """Answer the message with another text, in a conversation that holds what came before it.

        With `restores_files` the files become first what they were when it was sent, as far as
        checkpoints know: what became of that comes back as well.

        Without `attachments` those of the message are taken over; files are read after that.

        Raises: as `store.messages.edit`, `store.checkpoints.restore` and `Attaching.new`.
        """
        key = key or new_id("req")
        restored: RestoreStep | None = None
        if restores_files:
            restored = await self._restored(message_id, owner=owner, key=key)
        attached = None
        if attachments is not None:
            message = await self.store.messages.owned(message_id, owner=owner)
            attached = await self._attached(message.project_id, attachments, owner=owner)
        sent = await self.store.messages.edit(
            message_id, owner=owner, content=text, attachments=attached, key=key
        )
        return await self._receipt(sent), restored

    async def _attached(
        self, project_id: ProjectId, asked: Sequence[Asked], *, owner: OwnerId
    ) -> tuple[NewAttachment, ...]:
        return await Attaching(self.store).new(project_id, asked, owner=owner)

    async def _restored(
        self, message_id: MessageId, *, owner: OwnerId, key: str
    ) -> RestoreStep | None:
        message = await self.store.messages.owned(message_id, owner=owner)
        checkpoint = await self.store.checkpoints.before_edit(message_id, owner=owner, key=key)
        if checkpoint is None:
            return None
        return await self.store.checkpoints.restore(
            message.project_id, checkpoint, owner=owner, key=f"edit:{key}"
        )

    async def retry(
        self, message_id: MessageId, *, owner: OwnerId, key: str | None = None
    ) -> Receipt:
        """Answer again after a failure. Raises: as `store.messages.retry`."""
        sent = await self.store.messages.retry(message_id, owner=owner, policy=self.policy, key=key)
        return await self._receipt(sent)

    async def cancel(self, message_id: MessageId, *, owner: OwnerId) -> tuple[MessageId, ...]:
        """Stop one answer: the message first, then its run; empty when it had ended before.

        In the same process the model is not listened to any more before that, and nothing that it
        has said is lost.

        Raises:
            NotFound: not the owner's.
        """
        await self.live.stop(message_id, owner=owner)
        cancelled = await self.store.messages.cancel(message_id, owner=owner)
        await self.relay.deliver_all(cancelled.events)
        return cancelled.message_ids

    async def cancel_project(
        self, project_id: ProjectId, *, owner: OwnerId
    ) -> tuple[MessageId, ...]:
        """Stop every answer in a project. Raises: NotFound."""
        await self.live.stop_project(project_id, owner=owner)
        cancelled = await self.store.messages.cancel_project(project_id, owner=owner)
        await self.relay.deliver_all(cancelled.events)
        return cancelled.message_ids

    async def cancel_generation(self, project_id: ProjectId, *, owner: OwnerId) -> bool:
        """Stop the generation of a project; False when none was running. Raises: NotFound."""
        await self.live.stop_project(project_id, owner=owner)
        events = await self.store.generating.cancel(project_id, owner=owner)
        await self.relay.deliver_all(events)
        return bool(events)

    async def delete_project(self, project_id: ProjectId, *, owner: OwnerId) -> None:
        """Delete a project, and stop what runs in it. Raises: NotFound."""
        await self.relay.deliver_all(await self.store.projects.delete(project_id, owner=owner))

    async def delete_conversation(self, conversation_id: ConversationId, *, owner: OwnerId) -> None:
        """Delete a conversation, and stop what is written in it. Raises: NotFound."""
        events = await self.store.conversations.remove(conversation_id, owner=owner)
        await self.relay.deliver_all(events)

    async def _receipt(self, sent: SentMessage) -> Receipt:
        run_id = await self.relay.deliver_all(sent.events)
        if run_id is None and (sent.is_duplicate or sent.steers):
            run_id = await run_of(self.inspect, sent.event_id)
        return Receipt(
            user_message_id=sent.user_message_id,
            message_id=sent.message_id,
            conversation_id=sent.conversation_id,
            project_id=sent.project_id,
            event_id=sent.event_id,
            run_id=run_id,
            cancelled=sent.cancelled,
            steers=sent.steers,
        )
