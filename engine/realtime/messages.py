"""Messages: as subscribers get them, and as they travel."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from core.ids import RunId
from engine.inspection.run_info import instant
from engine.realtime.channels import AnyTopic, Channel, Topic, address, name_of

T = TypeVar("T")


@dataclass(frozen=True)
class Message(Generic[T]):
    """What was said. `run_id` is None when no run said it.

    The `id` is that of the call that sent it: where a crash has made the same call happen twice,
    both messages have one id.
    """

    id: str
    channel: str
    topic: str
    data: T
    run_id: RunId | None
    sent_at: datetime


@dataclass(frozen=True)
class WireMessage:
    """A message with its data as JSON text."""

    id: str
    channel: str
    topic: str
    text: str
    run_id: str | None
    sent_at_ms: int

    def read_as(self, topic: Topic[T]) -> Message[T]:
        """With its data in the topic's type. Raises: BadMessage."""
        sent_at = instant(self.sent_at_ms)
        assert sent_at is not None  # noqa: S101 - None is given back for None only
        return Message(
            self.id,
            self.channel,
            self.topic,
            topic.read(self.channel, self.text),
            None if self.run_id is None else RunId(self.run_id),
            sent_at,
        )

    def encode(self) -> str:
        """One line of JSON about the message, then its data, which is not parsed on the way."""
        head = [self.id, self.channel, self.topic, self.run_id, self.sent_at_ms]
        return f"{json.dumps(head)}\n{self.text}"


def decode(encoded: str) -> WireMessage:
    """The inverse of `WireMessage.encode`. Raises: ValidationError."""
    head, _, text = encoded.partition("\n")
    message_id, channel, topic, run_id, sent_at_ms = _HEAD.validate_json(head)
    return WireMessage(message_id, channel, topic, text, run_id, sent_at_ms)


_HEAD = TypeAdapter(tuple[str, str, str, str | None, int])


@dataclass(frozen=True)
class KeptMessage:
    """A message that was too large to travel, and lies in the database for a minute."""

    channel: str
    topic: str
    key: str


Travelling = WireMessage | KeptMessage


@dataclass(frozen=True)
class Saying:
    """Something to say from outside of runs; what has the same `id` is the same message again.

    `run_id` is the run that it is about, if there is one.
    """

    channel: Channel | str
    topic: AnyTopic
    data: object
    id: str
    run_id: RunId | None = None


@dataclass(frozen=True)
class Words:
    """What is to be said, and where."""

    channel: str
    topic: str
    text: str

    def said(self, message_id: str, run_id: str | None, now_ms: int) -> WireMessage:
        """As a message."""
        return WireMessage(message_id, self.channel, self.topic, self.text, run_id, now_ms)


def worded(channel: Channel | str, topic: AnyTopic, data: object) -> Words:
    """Data as it travels. Raises: BadChannel, BadMessage."""
    where, name = address(channel, [topic]), name_of(topic)
    return Words(where.channel, name, where.topic(name).write(where.channel, data))
