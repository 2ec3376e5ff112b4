"""Conversations and their messages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from core.ids import ConversationId, EventId, MessageId, ProjectId, RunId
from core.usage import Usage
from store.records.attachments import Attachment
from store.records.outbox import OutboxEvent

BusyPolicy = Literal["cancel", "reject", "queue", "steer"]
"""What a new message does to an answer that is still being written in the same conversation."""


EndedEarly = Literal[
    "step_cap", "stuck", "cut", "refused", "context_full", "answer_budget", "day_budget"
]
"""Why a completed answer ended before it was done."""


class MessageStatus(StrEnum):
    """Where an assistant message stands; the last three are final."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Conversation:
    """A thread of messages in a project.

    `model` is what its owner chose to answer.
    `edited_from` is the message of another that was edited: what came before it is copied here.
    """

    conversation_id: ConversationId
    project_id: ProjectId
    title: str
    created_at: datetime
    updated_at: datetime
    model: str | None = None
    edited_from: MessageId | None = None


@dataclass(frozen=True)
class TodoItem:
    """One item of the model's plan."""

    text: str
    status: Literal["pending", "in_progress", "completed"]


@dataclass(frozen=True)
class Todos:
    """The model's plan, as a call of the answer `message_id` has written it last."""

    message_id: MessageId
    items: tuple[TodoItem, ...]
    updated_at: datetime


@dataclass(frozen=True)
class Message:
    """A message.

    `status` is None for the person's; `content` of a running one is "" (read its deltas). While it
    waits for the provider, `waiting_until` says how long. `is_history_cut`: the model that answered
    was told less than all of the conversation. One of the person that `steers` an answer was sent
    while that was being written, and for it; `told_in` is the turn before which the model was told.
    `attachments` are what it was sent with.
    """

    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    order: int
    role: Literal["user", "assistant"]
    content: str
    started_at: datetime
    status: MessageStatus | None = None
    error: str | None = None
    error_code: str | None = None
    model: str | None = None
    usage: Usage | None = None
    waiting_until: datetime | None = None
    is_history_cut: bool | None = None
    ended_early: EndedEarly | None = None
    run_id: RunId | None = None
    steers: MessageId | None = None
    told_in: int | None = None
    attachments: tuple[Attachment, ...] | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class SentMessage:
    """What `Messages.send` or `Messages.retry` wrote.

    `events` are in the order in which they must be sent: cancellations first, `message/sent` last.
    `is_duplicate` says that the idempotency key was seen before: same ids, nothing written; events
    not acknowledged yet are given again. `steers` is there when the message is part of an answer
    that was being written, which `message_id` names then.
    """

    user_message_id: MessageId
    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    event_id: EventId
    cancelled: tuple[MessageId, ...]
    events: tuple[OutboxEvent, ...]
    is_duplicate: bool = False
    steers: MessageId | None = None


@dataclass(frozen=True)
class ForkStep:
    """How far an edit is; without `sent` there is more to copy."""

    sent: SentMessage | None = None


@dataclass(frozen=True)
class Cancelled:
    """The messages that this call turned from processing to cancelled.

    And the events that stop their runs.
    """

    message_ids: tuple[MessageId, ...]
    events: tuple[OutboxEvent, ...]
