"""What a run is told of the conversation that it answers in."""

from dataclasses import dataclass

from core.ids import MessageId
from store.records.conversations import Conversation, Message
from store.records.projects import Project
from store.records.turns import CondensedRecord, SteerRecord, ToolCallRecord, TurnRecord


@dataclass(frozen=True)
class HistoryMessage:
    """An earlier message with what the model said and did in it, by turn number.

    `steers` are what it was told meanwhile.
    """

    message: Message
    turns: tuple[TurnRecord, ...] = ()
    tool_calls: tuple[ToolCallRecord, ...] = ()
    steers: tuple[SteerRecord, ...] = ()


@dataclass(frozen=True)
class ContextCondensed(CondensedRecord):
    """The newest summary of a conversation, and the answer in which it was made."""

    message_id: MessageId


@dataclass(frozen=True)
class MessageContext:
    """All that a run needs to answer `message`.

    `history` is oldest first and ends with the person's message that is being answered. When it did
    not fit the budget, `is_truncated` is true and the oldest messages are missing. `turns` and
    `tool_calls` are those of `message` itself: what an earlier attempt finished before it died.
    `steers` are what was said for it since, told or not.
    """

    message: Message
    conversation: Conversation
    project: Project
    history: tuple[HistoryMessage, ...]
    turns: tuple[TurnRecord, ...]
    tool_calls: tuple[ToolCallRecord, ...]
    steers: tuple[SteerRecord, ...] = ()
    is_truncated: bool = False
    condensed: ContextCondensed | None = None


@dataclass(frozen=True)
class EarlierMessages:
    """Messages before those of a context, oldest first, in short: results of calls are missing."""

    history: tuple[HistoryMessage, ...]
    is_truncated: bool
