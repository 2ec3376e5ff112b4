"""What the model said and did in an answer: its turns and tool calls."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.ids import MessageId, ToolCallId
from core.usage import Usage
from store.records.attachments import Attachment

ToolCallStatus = Literal["pending", "running", "completed", "failed", "cancelled", "skipped"]
"""A skipped call was never to run; its output says why, as that of a cancelled one does."""


@dataclass(frozen=True)
class TurnPart:
    """A piece of a model turn, in order.

    `signature` comes with thinking, `tool_call_id` with a tool call.
    """

    type: Literal["text", "thinking", "toolCall"]
    text: str | None = None
    signature: str | None = None
    tool_call_id: ToolCallId | None = None


@dataclass(frozen=True)
class ShownPart:
    """A piece of an answer as people see it: of turn `turn`, at place `index` in it."""

    turn: int
    index: int
    type: Literal["text", "thinking", "toolCall"]
    text: str | None = None
    tool_call_id: ToolCallId | None = None


@dataclass(frozen=True)
class TurnRecord:
    """One finished turn of the model; `ToolCallRecord`s of the same number are its tool calls.

    `remarks`: what was said to the model before it, beside results.
    """

    turn: int
    parts: tuple[TurnPart, ...]
    stop_reason: str
    model: str
    usage: Usage = field(default_factory=Usage)
    dropped_calls: tuple[str, ...] = ()
    remarks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SteerRecord:
    """What the person said for an answer while it was being written.

    `told_in` is the turn before which the model was told; None: it was not yet.
    """

    message_id: MessageId
    content: str
    attachments: tuple[Attachment, ...] | None = None
    told_in: int | None = None


@dataclass(frozen=True)
class KeptTurn:
    """What recording a turn came to.

    `is_new` is false when its number was recorded before: the first one stays. `steers` are those
    that the model was not told yet.
    """

    is_new: bool
    steers: tuple[SteerRecord, ...]


@dataclass(frozen=True)
class CondensedRecord:
    """A summary that stands for the beginning of a conversation.

    It covers all messages before an order, and so many turns after the question of that order;
    `turn` is the one of its answer before which it was made.
    """

    turn: int
    before_order: int
    turns: int
    text: str
    model: str
    usage: Usage


@dataclass(frozen=True)
class Condensation:
    """A summary as people see it: it was made before turn `turn` of its answer."""

    turn: int
    text: str
    model: str


@dataclass(frozen=True)
class NewToolCall:
    """A tool call as the model asked for it, to be recorded with its turn.

    `not_run` says why it will not be run, if so.
    """

    tool_call_id: ToolCallId
    name: str
    arguments_json: str
    not_run: str | None = None


@dataclass(frozen=True)
class ToolCallRecord:
    """A tool call of a message.

    `arguments_json` is the JSON text of an object, whole and parsed before. `images` says how many
    there are among its parts.
    """

    message_id: MessageId
    turn: int
    tool_call_id: ToolCallId
    name: str
    arguments_json: str
    status: ToolCallStatus
    output: str | None = None
    images: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ResultImage:
    """An image that a tool call came to, too large to stand in a row."""

    media_type: str
    data: bytes


@dataclass(frozen=True)
class ResultText:
    """The whole of an output that was too long to show, in UTF-8; a part has its handle."""

    handle: str
    data: bytes


@dataclass(frozen=True)
class KeptResult:
    """The result of a tool call on record; `was_kept_before` says that an earlier one stayed.

    `steers` are those that the model was not told yet.
    """

    output: str
    is_error: bool
    was_kept_before: bool
    steers: tuple[SteerRecord, ...] = ()
