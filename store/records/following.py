"""What is read to follow a conversation."""

from dataclasses import dataclass
from datetime import datetime

from core.ids import MessageId
from store.records.conversations import Message, MessageStatus
from store.records.generations import DeltaRun


@dataclass(frozen=True)
class RunningHead:
    """How far an answer is that is being written: by which attempt, and its next delta."""

    message_id: MessageId
    epoch: int
    next_seq: int


@dataclass(frozen=True)
class ConversationHead:
    """How far a conversation is: whatever changes in it changes this."""

    updated_at: datetime
    running: tuple[RunningHead, ...]


@dataclass(frozen=True)
class FollowedMessage:
    """A message with its whole text; `epoch` is that of an answer's last attempt."""

    message: Message
    epoch: int | None = None


@dataclass(frozen=True)
class FollowedStream:
    """As `DeltaPage`, with the attempt that writes."""

    runs: tuple[DeltaRun, ...]
    next: int
    has_more: bool
    epoch: int
    status: MessageStatus | None = None
